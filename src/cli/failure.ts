import { isUnshipError, type UnshipErrorCode } from '../errors.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Screen } from './screen.ts'
import { withoutPasswords, withoutUrlPasswords } from '../secrets.ts'

const USAGE: readonly UnshipErrorCode[] = ['invalid_usage', 'feature_not_found', 'feature_ambiguous']

/** Prints an error as UnshipError words it, and gives the code to end with. */
export function fail(error: unknown, screen: Screen): ExitCode {
  if (screen.json) screen.printJson({ error: fieldsOf(error) })
  else screen.printError(`ERROR:  ${messageOf(error)}`)
  return isUnshipError(error) && USAGE.includes(error.code) ? EXIT.usage : EXIT.failed
}

function messageOf(error: unknown): string {
  if (isUnshipError(error)) return withoutUrlPasswords(error.message)
  // not ours: where it comes from helps to find out whose it is
  return withoutPasswords(error instanceof Error ? (error.stack ?? error.message) : String(error))
}

/** An error for programs to read. */
export function fieldsOf(error: unknown) {
  if (isUnshipError(error)) {
    const { code, primary, detail, hint, suggestion } = error
    const shown = (text: string | undefined) => (text === undefined ? null : withoutUrlPasswords(text))
    return {
      code,
      message: withoutUrlPasswords(primary),
      detail: shown(detail),
      hint: shown(hint),
      suggestion: suggestion ?? null,
    }
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : null
  const message = withoutPasswords(error instanceof Error ? error.message : String(error))
  return { code, message, detail: null, hint: null }
}
