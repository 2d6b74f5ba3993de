import { visibleLine } from '../visible.ts'

/** What is printed at once: a line, and lines that belong to it. */
export interface Message {
  /** How consola marks it. */
  readonly type: 'start' | 'info' | 'success' | 'warn' | 'error'
  readonly lines: readonly string[]
}

/** A message of a line, with further lines indented below it. */
export function message(type: Message['type'], line: string, below: readonly string[] = []): Message {
  return { type, lines: [line, ...below.map((text) => `  ${text}`)].map(visibleLine) }
}
