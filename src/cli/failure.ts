import { isUnshipError, type UnshipErrorCode } from '../errors.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Screen } from './screen.ts'

const USAGE: readonly UnshipErrorCode[] = ['invalid_usage', 'feature_not_found', 'feature_ambiguous']

/** Prints an error as UnshipError words it, and gives the code to end with. */
export function fail(error: unknown, screen: Screen): ExitCode {
  if (screen.json) screen.printJson({ error: fieldsOf(error) })
  else screen.printError(`ERROR:  ${messageOf(error)}`)
  return isUnshipError(error) && USAGE.includes(error.code) ? EXIT.usage : EXIT.failed
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (isUnshipError(error)) return error.message
  // not ours: where it comes from helps to find out whose it is
  return error.stack ?? error.message
}

/** An error for programs to read. */
export function fieldsOf(error: unknown) {
  if (isUnshipError(error)) {
    const { code, primary, detail, hint, suggestion } = error
    return { code, message: primary, detail: detail ?? null, hint: hint ?? null, suggestion: suggestion ?? null }
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : null
  return { code, message: error instanceof Error ? error.message : String(error), detail: null, hint: null }
}
