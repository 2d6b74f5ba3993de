import type { AnyKysely } from '../any-kysely.ts'
import { UnshipError } from '../errors.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { latestRun, runById } from '../ledger/ledger.ts'
import { asRun } from './as-run.ts'
import type { RunContext } from './context.ts'
import type { RunOptions } from './options.ts'
import { finishRemoval } from './removal-state.ts'
import type { AbortReport } from './report.ts'
import { goOnWithRestore, startRestore } from './restore.ts'
import { takeBackRemoval } from './take-back-removal.ts'

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

async function abortLocked(context: RunContext): Promise<AbortReport> {
  const broken = await latestRun(context.db, context.feature)
  // it took a removal back, and broke off itself
  const again = broken?.state === 'running' && broken.direction === 'restore' && broken.plan?.takesBack === true
  if (broken?.state !== 'running' || (broken.direction !== 'removal' && !again))
    throw new UnshipError({
      code: 'nothing_to_abort',
      message: `no removal of feature ${context.feature} is unfinished`,
      detail: broken
        ? `Its latest run is ${broken.id}: ${broken.direction}, ${broken.state}.`
        : 'The ledger knows no run of it.',
      hint:
        broken?.state === 'done' && broken.direction === 'removal'
          ? 'The removal is complete. restoreFeature, or kysely migrate:down, brings the feature back.'
          : broken?.state === 'running'
            ? 'Its restore has not ended: restoreFeature goes on with it, removeFeature takes it back.'
            : 'There is nothing to take back.',
    })
  context.emit({ type: 'started', feature: context.feature, direction: 'abort', resumed: broken.phase })
  const past = again || broken.phase === 'record'
  if (again) await goOnWithRestore(context, broken)
  else if (past) {
    await finishRemoval(context, broken)
    await startRestore(context, await runById(context.db, broken.id), { takesBack: true })
  } else await takeBackRemoval(context, broken, 'abortRemoval was called')
  const { feature, durationMs, longestLockMs, phases, warnings } = context
  return {
    ...{
      direction: 'abort',
      feature,
      runId: again ? broken.removal_id : broken.id,
      durationMs,
      longestLockMs,
      phases,
      warnings,
      counts: {},
      setAside: [],
    },
    outcome: past ? 'restored' : 'taken back',
    phase: broken.phase,
  }
}
