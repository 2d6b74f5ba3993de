import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { latestRun, runById } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { asRun } from '../as-run.ts'
import { isRevealed } from '../status/broke-off.ts'
import type { RunContext } from '../context.ts'
import type { RunOptions } from '../options.ts'
import { finishRemoval, planOf } from '../backups/removal-state.ts'
import type { AbortReport } from '../report.ts'
import { goOnWithRestore, startRestore } from '../restore/restore.ts'
import { takeBackRemoval } from './take-back-removal.ts'
import { takeBackRestore } from '../restore/take-back-restore.ts'

/**
 * Takes back a removal that broke off before its end. Before the cut-over that
 * means the watch and the backups of columns; the feature was never touched.
 * After it, the feature is restored; where that breaks off, abortRemoval goes on with it.
 *
 * Kysely records a migration when `up` returns, so `migrate:down` after a broken
 * `up` would undo the migration before it; this is the way back instead.
 *
 * Locks the host tables for milliseconds.
 *
 * @throws {UnshipError} `nothing_to_abort` where no removal is unfinished.
 *
 * @example
 * await abortRemoval(db, feature)
 */
export async function abortRemoval(
  db: AnyKysely,
  feature: FeatureDeclaration,
  options: RunOptions = {},
): Promise<AbortReport> {
  return await asRun('abort', db, feature, options, (context) => abortLocked(context))
}

/**
 * Takes back a restore that broke off before its reveal, where it cannot go on: the hidden columns go, and
 * the feature is as removed as before. A later restore begins anew.
 *
 * Kysely keeps a migration on record when its `down` fails, so `migrate:latest` has nothing to run then.
 *
 * Locks the host tables for milliseconds.
 *
 * @throws {UnshipError} `nothing_to_abort` where no restore is unfinished, or it is past its reveal: it can only be finished then.
 *
 * @example
 * await abortRestore(db, feature)
 */
export async function abortRestore(
  db: AnyKysely,
  feature: FeatureDeclaration,
  options: RunOptions = {},
): Promise<AbortReport> {
  return await asRun('abort', db, feature, options, abortRestoreLocked)
}

/**
 * Takes back a removal that is complete, in a migration that has failed after it: the feature is restored, as by abortRemoval, which goes
 * on with it where that breaks off. Whether Kysely has a record of the migration is for the caller to know.
 */
export async function abortCompleteRemoval(
  db: AnyKysely,
  feature: FeatureDeclaration,
  options: RunOptions = {},
): Promise<AbortReport> {
  return await asRun('abort', db, feature, options, abortCompleteLocked)
}

async function abortCompleteLocked(context: RunContext): Promise<AbortReport> {
  const removal = await latestRun(context.db, context.feature)
  if (removal?.state !== 'done' || removal.direction !== 'removal') throw nothingToAbort(context, 'removal', removal)
  context.emit({ ...started(context, removal), aborted: 'removal' })
  await startRestore(context, removal, { takesBack: true })
  return reportOf(context, removal, 'restored')
}

async function abortLocked(context: RunContext): Promise<AbortReport> {
  const broken = await latestRun(context.db, context.feature)
  // it took a removal back, and broke off itself
  const again = broken?.state === 'running' && broken.direction === 'restore' && broken.plan?.takesBack === true
  if (broken?.state !== 'running' || (broken.direction !== 'removal' && !again))
    throw nothingToAbort(context, 'removal', broken)
  context.emit({ ...started(context, broken), aborted: 'removal' })
  const past = again || broken.phase === 'record'
  if (again) await goOnWithRestore(context, broken)
  else if (past) {
    await finishRemoval(context, { id: broken.id, plan: planOf(broken) })
    await startRestore(context, await runById(context.db, broken.id), { takesBack: true })
  } else await takeBackRemoval(context, broken, 'abortRemoval was called')
  return reportOf(context, broken, past ? 'restored' : 'taken back')
}

async function abortRestoreLocked(context: RunContext): Promise<AbortReport> {
  const broken = await latestRun(context.db, context.feature)
  if (broken?.state !== 'running' || broken.direction !== 'restore') throw nothingToAbort(context, 'restore', broken)
  if (isRevealed(broken.phase)) throw pastReveal(broken)
  context.emit({ ...started(context, broken), aborted: 'restore' })
  await takeBackRestore(context, broken)
  return reportOf(context, broken, 'removed')
}

const started = ({ feature }: RunContext, { phase }: LedgerRun) =>
  ({ type: 'started', feature, direction: 'abort', resumed: phase }) as const

function reportOf(context: RunContext, broken: LedgerRun, outcome: AbortReport['outcome']): AbortReport {
  const { feature, durationMs, longestLockMs, phases, warnings } = context
  return {
    ...{ direction: 'abort', feature, runId: broken.removal_id ?? broken.id },
    ...{ durationMs, longestLockMs, phases, warnings, counts: {}, setAside: [] },
    outcome,
    phase: broken.phase,
  }
}

const pastReveal = ({ id, feature, phase }: LedgerRun) =>
  new UnshipError({
    code: 'nothing_to_abort',
    message: `the restore of feature ${feature} cannot be taken back any more`,
    detail: `Run ${id} broke off in phase "${phase}", after its reveal: the feature is back.`,
    hint: 'Run kysely migrate:down, or restoreFeature, again to finish it. The feature can be removed anew after that.',
  })

const nothingToAbort = (
  { feature }: RunContext,
  direction: LedgerRun['direction'],
  latest: LedgerRun | null,
): UnshipError =>
  new UnshipError({
    code: 'nothing_to_abort',
    message: `no ${direction} of feature ${feature} is unfinished`,
    detail: latest
      ? `Its latest run is ${latest.id}: ${latest.direction}, ${latest.state}.`
      : 'The ledger knows no run of it.',
    hint: otherwise(latest),
  })

function otherwise(latest: LedgerRun | null): string {
  if (latest?.state === 'done' && latest.direction === 'removal')
    return "The removal is complete. restoreFeature brings the feature back, or kysely migrate:down where its migration is the last one on Kysely's record; unship abort, with its name, where Kysely has no record of it."
  if (latest?.state !== 'running') return 'There is nothing to take back.'
  if (latest.direction === 'removal')
    return 'Its removal has not ended: removeFeature finishes it, abortRemoval takes it back.'
  return `Its restore has not ended: restoreFeature goes on with it${isRevealed(latest.phase) ? '' : ', abortRestore takes it back'}.`
}
