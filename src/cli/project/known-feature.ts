import { UnshipError } from '../../errors.ts'
import type { FeatureState, FeatureStatus } from '../../run/status/read-status.ts'

/** The feature of the ledger that a command is about: the one that is named, or the only one in one of some states. */
export function knownFeature(
  statuses: readonly FeatureStatus[],
  named: string | undefined,
  states: readonly FeatureState[],
): string {
  if (named !== undefined) {
    if (statuses.some(({ feature }) => feature === named)) return named
    throw new UnshipError({
      code: 'feature_not_found',
      message: `the ledger knows no feature "${named}"`,
      detail: `Features: ${statuses.map(({ feature }) => feature).join(', ') || 'none'}.`,
      hint: 'unship status shows what there is.',
    })
  }
  const candidates = statuses.filter(({ state }) => states.includes(state))
  const [only, another] = candidates
  if (only && !another) return only.feature
  throw new UnshipError({
    code: only ? 'feature_ambiguous' : 'feature_not_found',
    message: only ? 'more than one feature comes into question' : 'no feature comes into question',
    detail: statuses.map(({ feature, state }) => `${feature}: ${state}.`).join('\n') || 'The ledger knows no feature.',
    hint: only
      ? 'Name the one that is meant.'
      : `It would have to be ${states.join(' or ')}. unship status shows where each feature stands.`,
  })
}
