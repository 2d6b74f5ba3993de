import { consola } from 'consola'
import { asItIs } from './as-it-is.ts'
import type { Message } from './message.ts'
import { outlivingReader } from './reader-gone.ts'

/** Where messages go. */
export interface Output {
  /** The width of a line that can be redrawn; null where lines only follow each other. */
  readonly columns: number | null
  print(message: Message): void
  /** Draws a line over the last one drawn; null takes it away. */
  draw(line: string | null): void
}

const INFO_LEVEL = 3
const DEFAULT_COLUMNS = 80
const ERASE_LINE = '\r\u001b[2K'

/** Prints through consola, at its level and with its marks and colours. */
export function consolaOutput(
  environment: NodeJS.ProcessEnv = process.env,
  stream: NodeJS.WriteStream = process.stdout,
): Output {
  const redraws = canRedraw(environment, stream)
  let drawn = false
  const draw = (line: string | null) => {
    if (!redraws || consola.level < INFO_LEVEL || (line === null && !drawn)) return
    stream.write(ERASE_LINE + (line ?? ''))
    drawn = line !== null
  }
  return {
    get columns() {
      return redraws ? stream.columns || DEFAULT_COLUMNS : null
    },
    print({ type, lines }) {
      draw(null)
      const print = () => {
        consola.create({ reporters: consola.options.reporters.map(asItIs) })[type](lines.join('\n'))
      }
      const { stdout = process.stdout, stderr = process.stderr } = consola.options
      outlivingReader(stdout, () => outlivingReader(stderr, print))
    },
    draw,
  }
}

/** A terminal that somebody looks at: not the log of a pipeline. */
function canRedraw(environment: NodeJS.ProcessEnv, stream: NodeJS.WriteStream): boolean {
  const inPipeline = !['', 'false', '0'].includes(environment.CI ?? '')
  return stream.isTTY && !inPipeline && environment.TERM !== 'dumb'
}
