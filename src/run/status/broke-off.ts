import type { Phase } from '../../plan/plan.ts'
import type { FeatureStatus } from './read-status.ts'

/** Whether what a restore brings back has appeared: from then on it can only be finished. */
export const isRevealed = (phase: Phase | null): boolean => phase === 'validate' || phase === 'record'

/** What a standby can say of a run that has not ended. */
export const underWayOrNot = (phase: Phase | null): string =>
  `is in phase "${phase ?? ''}", or broke off there: a standby does not know which, the primary does`

/** What to run after a run that broke off. */
export function whatNow({ state, phase, abortable }: Pick<FeatureStatus, 'state' | 'phase' | 'abortable'>): string {
  if (state === 'removing') return 'run kysely migrate:latest again to finish it, or unship abort to take it back'
  if (abortable) return 'unship abort goes on with it'
  // not migrate:latest: a migration whose "down" has failed stays on Kysely's record
  const finish = 'run kysely migrate:down again to finish it'
  return isRevealed(phase) ? finish : `${finish}, or unship abort to take it back`
}
