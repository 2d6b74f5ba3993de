import { UnshipError } from '../errors.ts'
import type { Phase, PlannedLock } from '../plan/plan.ts'
import { qualified } from '../sql.ts'
import { describeBlocker } from './blockers.ts'
import type { RunContext } from './context.ts'
import type { Blocker } from './report.ts'

/* What a short transaction fails with. */

/** Attempt for attempt, others wrote more between its last look and its locks than is to be copied while they are held. */
export const notYet = ({ feature }: RunContext, attempts: number, cause: unknown): UnshipError =>
  new UnshipError({
    code: 'locked',
    message: `rows of feature ${feature} change faster than they are copied`,
    detail: `${attempts === 1 ? '1 attempt' : `${String(attempts)} attempts`} failed: ${cause instanceof Error ? cause.message : String(cause)}. Copying them while the locks are held would have everybody wait.`,
    hint: 'Run the same command again when fewer of these rows are written at a time.',
    cause,
  })

/** Rows of a partition that was attached would be missing in the backup. */
export const otherPartitions = (cause: unknown): UnshipError =>
  new UnshipError({
    code: 'plan_changed',
    message: `${cause instanceof Error ? cause.message : String(cause)} while the removal was under way`,
    detail: 'Their rows may be missing in the backup, or be too many. Nothing has been removed.',
    hint: 'Run the same command again; it starts over with the partitions as they are now.',
    cause,
  })

export function meansOther(cause: unknown): UnshipError {
  const told = cause instanceof Error && 'detail' in cause && typeof cause.detail === 'string' ? cause.detail : null
  const takeBack = 'Run unship abort, or abortRestore, to take back what the restore has prepared'
  return new UnshipError({
    code: 'not_restored_exactly',
    message: cause instanceof Error ? cause.message : String(cause),
    detail:
      told ??
      'Its definition names columns by their place, and the columns of a table have changed since. Nothing has appeared.',
    hint:
      told === null
        ? `${takeBack}; restore by hand from unship.statements.`
        : `${takeBack}. Drop or rename what has come in place of it, or create again what has gone, and restore; once the feature is back, it may have its name again.`,
    cause,
  })
}

/** Filled rows may hold what belongs to another key, and nothing tells which. */
export const notServed = ({ feature }: RunContext, cause: unknown): UnshipError =>
  new UnshipError({
    code: 'not_restored_exactly',
    message: `rows were written while feature ${feature} could not give them what is backed up for them`,
    detail:
      'A column that the triggers of its restore name, the backup, or a function was renamed, dropped or altered meanwhile. The restored columns are still hidden; nobody has seen them.',
    hint: 'Give what was renamed its name back; run unship abort, or abortRestore, to take back what the restore has prepared; then restore again: it begins anew.',
    cause,
  })

export function publishedOtherwise({ feature }: RunContext, cause: unknown): UnshipError {
  return new UnshipError({
    code: 'plan_changed',
    message: `tables of feature ${feature} have entered or left publications since the run was planned`,
    detail: `Publication ${cause instanceof Error ? cause.message : String(cause)}.`,
    hint: 'Run the same command again; it plans anew.',
    cause,
  })
}

export function tooManyLocks(
  { feature }: RunContext,
  { phase, locks }: { phase: Phase; locks: readonly PlannedLock[] },
  cause: unknown,
): UnshipError {
  return new UnshipError({
    code: 'locked',
    message: `the server has no room for the locks of phase "${phase}" of feature ${feature}`,
    detail: `${cause instanceof Error ? cause.message : String(cause)}: ${String(new Set(locks.map((l) => qualified(l.relation))).size)} relations are locked, and their indexes and sequences with them. The attempt changed nothing.`,
    hint: 'Raise max_locks_per_transaction and restart the server, or remove the feature in parts; then run the same command again.',
    cause,
  })
}

export function locked(
  context: RunContext,
  { phase, locks }: { phase: Phase; locks: readonly PlannedLock[] },
  attempts: number,
  blockers: readonly Blocker[],
  cause: unknown,
): UnshipError {
  // some are asked for a weak lock first
  const whole = locks.filter((l) => !l.part)
  const relations = [...new Set(whole.map((l) => l.relation.name))].join(', ')
  return new UnshipError({
    code: 'locked',
    message: `could not lock ${relations} for phase "${phase}" of feature ${context.feature}`,
    detail: attemptsFailed(context, attempts, blockers),
    hint: 'End those sessions or wait for them, then run the same command again.',
    cause,
  })
}

/** How often it was tried to get locks, and who holds them. */
export const attemptsFailed = ({ options }: RunContext, attempts: number, blockers: readonly Blocker[]): string =>
  [
    attempts === 1
      ? `1 attempt of ${String(options.lockTimeoutMs)} ms failed; it changed nothing.`
      : `${String(attempts)} attempts of up to ${String(options.lockTimeoutMs)} ms failed; they changed nothing.`,
    ...(blockers.length > 0 ? blockers.map((b) => `${describeBlocker(b)}.`) : ['Nobody holds a lock any more.']),
  ].join('\n')
