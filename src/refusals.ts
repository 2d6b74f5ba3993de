import { isUnshipError, NOTHING_CHANGED, UnshipError, type Suggestion } from './errors.ts'
import { merged } from './feature/extended.ts'

/** Runs several checks, and throws one error for all that they refuse with: the first one's, with the others added. */
export function refuseTogether(checks: readonly (() => void)[]): void {
  const errors = checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      if (isUnshipError(error)) return [error]
      throw error
    }
  })
  const [first, ...others] = errors
  if (first) throw others.reduce((all, other) => besides(all, other, 'Besides'), first)
}

/** An error that tells of another one too. */
export function besides(error: UnshipError, other: UnshipError, how: string): UnshipError {
  const { code, primary: message, suggestion } = error
  const hints = [error.hint, other.hint].filter((hint) => hint !== undefined && hint !== NOTHING_CHANGED)
  return new UnshipError({
    code,
    message,
    detail: [error.detail, `${how}, ${other.primary}:`, other.detail].filter((line) => line !== undefined).join('\n'),
    hint: hints.length > 0 ? [...new Set(hints)].join('\n') : error.hint,
    suggestion: both(suggestion, other.suggestion),
    cause: error.cause,
  })
}

/** What has to be acknowledged is left to a refusal of its own: pasted along unseen, it would say nothing. */
function both(first: Suggestion | undefined, second: Suggestion | undefined): Suggestion | undefined {
  if (!first || !second) return first ?? second
  const { acknowledge: _, ...names } = second
  return merged(first, names)
}
