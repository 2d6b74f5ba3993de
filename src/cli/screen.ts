import { styleText } from 'node:util'
import { folded } from './fold.ts'
import { visible, visibleJson } from '../visible.ts'

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

const ESCAPE = '\u001b'
/** What `bold` and `dim` write. */
const STYLES = new RegExp(`(${ESCAPE}\\[(?:1|2|22)m)`)

/** Colours only on a terminal, and not where NO_COLOR is set. */
export function screenOf(json: boolean, environment = process.env): Screen {
  const { stdout, stderr } = process
  const styled = stdout.isTTY && !environment.NO_COLOR && environment.TERM !== 'dumb'
  const write = (stream: NodeJS.WriteStream, text: string) => {
    const pieces = styled ? text.split(STYLES) : [text]
    stream.write(`${pieces.map((piece, n) => (n % 2 === 0 ? visible(piece) : piece)).join('')}\n`)
  }
  const columns = stdout.isTTY ? stdout.columns : null
  return {
    json,
    columns,
    print: (text) => write(stdout, text),
    printFolded: (text) => write(stdout, columns === null ? text : folded(text, columns)),
    printError: (text) => write(stderr, text),
    printJson: (value) => write(stdout, visibleJson(JSON.stringify(value, null, 2))),
    bold: (text) => (styled ? styleText('bold', text) : text),
    dim: (text) => (styled ? styleText('dim', text) : text),
  }
}
