export { consoleProgress, type ConsoleProgressOptions } from './console-progress.ts'
export type { Message } from './message.ts'
export type { Output } from './output.ts'
