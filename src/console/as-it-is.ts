import type { ConsolaReporter } from 'consola'

/** What consola takes for its markup, and characters for private use that stand for it on the way through. */
const MARKUP = ['`', '_']
const STAND_INS = ['\u{f0060}', '\u{f005f}']

/**
 * A reporter that prints text as it is. Outside of pipelines consola colours what stands in backticks and underlines what
 * stands in underscores, and leaves those away: a name that has them would be printed as another.
 */
export function asItIs(reporter: ConsolaReporter): ConsolaReporter {
  // all others print what they are given
  if (reporter.constructor.name !== 'FancyReporter') return reporter
  return {
    log: (logObj, { options }) => {
      const { stdout = process.stdout, stderr = process.stderr } = options
      const args = logObj.args.map((arg: unknown) => (typeof arg === 'string' ? replaced(arg, MARKUP, STAND_INS) : arg))
      reporter.log({ ...logObj, args }, { options: { ...options, stdout: back(stdout), stderr: back(stderr) } })
    },
  }
}

/** `__write`: what it was before `consola.wrapStd()`. */
type Stream = NodeJS.WriteStream & { __write?: NodeJS.WriteStream['write'] }

const back = (stream: Stream): Stream =>
  Object.assign(Object.create(stream) as Stream, {
    __write: (text: string) => (stream.__write ?? stream.write).call(stream, replaced(text, STAND_INS, MARKUP)),
  })

const replaced = (text: string, these: readonly string[], by: readonly string[]): string =>
  these.reduce((all, one, n) => all.replaceAll(one, by[n] ?? one), text)
