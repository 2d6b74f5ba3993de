import { styleText } from 'node:util'
import { folded } from './fold.ts'

/** Where a command prints. Results go to standard output, errors to standard error. */
export interface Screen {
  readonly json: boolean
  /** The width of a line of the terminal; null where the output is none. */
  readonly columns: number | null
  print(text: string): void
  /** The same for text that is only read: lines too long for a terminal are broken between words. */
  printFolded(text: string): void
  printError(text: string): void
  /** One JSON document. */
  printJson(value: unknown): void
  bold(text: string): string
  dim(text: string): string
}

/** Colours only on a terminal, and not where NO_COLOR is set. */
export function screenOf(json: boolean, environment = process.env): Screen {
  const { stdout, stderr } = process
  const styled = stdout.isTTY && !environment.NO_COLOR && environment.TERM !== 'dumb'
  const write = (stream: NodeJS.WriteStream, text: string) => {
    stream.write(`${text}\n`)
  }
  const columns = stdout.isTTY ? stdout.columns : null
  return {
    json,
    columns,
    print: (text) => write(stdout, text),
    printFolded: (text) => write(stdout, columns === null ? text : folded(text, columns)),
    printError: (text) => write(stderr, text),
    printJson: (value) => write(stdout, JSON.stringify(value, null, 2)),
    bold: (text) => (styled ? styleText('bold', text) : text),
    dim: (text) => (styled ? styleText('dim', text) : text),
  }
}
