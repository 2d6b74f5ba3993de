import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { latestRun, runById, startRun } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { finishRun } from '../../ledger/entries.ts'
import { serveLateRows } from '../../plan/data/late-rows.ts'
import { keptRemoval, refuseOtherBackups } from '../backups/archived.ts'
import { asRun } from '../as-run.ts'
import { refuseChangedBackups } from '../backups/changed-backups.ts'
import type { RunContext } from '../context.ts'
import {
  inspectRestore,
  refuseAmbiguousKeys,
  refuseMissing,
  refusePublicationsSince,
} from './inspect/inspect-restore.ts'
import type { RunOptions } from '../options.ts'
import { refuseOtherRoles } from './inspect/other-roles.ts'
import { refuseOthersFunctionsNow } from '../others-functions.ts'
import { refuseUnreadableLag } from '../pause.ts'
import { finishRemoval, planOf } from '../backups/removal-state.ts'
import type { RestoreReport } from '../report.ts'
import { demandFingerprint } from '../same-fingerprint.ts'
import { refuseOtherSchema } from '../same-schema.ts'
import { earlier, isBefore } from './restore-order.ts'
import { takeViewsBack } from './take-views-back.ts'
import { refuseForgotten } from '../backups/trust.ts'
import { reportOf, runPhases } from './restore-phases.ts'
import { writeLedger } from '../write-ledger.ts'

/**
 * Puts a removed feature back, as the ledger recorded it; the declaration gives
 * its name, and may acknowledge what has come since: constraints of domains, event triggers, other roles.
 *
 * Columns come back under hidden names, are filled in batches and indexed
 * concurrently, and appear all at once. ACCESS EXCLUSIVE locks on the host tables
 * are held for milliseconds, when the columns are added and at the reveal (and once for
 * each NOT NULL column whose default varies). In a caller's transaction
 * they are held until it ends.
 *
 * Running it again goes on where a broken run stopped.
 *
 * @throws {UnshipError} before anything changes where it refuses.
 *
 * @example
 * export const down = (db: Kysely<Without<Database, typeof feature>>) => restoreFeature(db, feature)
 */
export async function restoreFeature(
  db: AnyKysely,
  feature: FeatureDeclaration,
  options: RunOptions = {},
): Promise<RestoreReport> {
  return await asRun('restore', db, feature, options, (context, declared) => restoreLocked(context, declared, db))
}

async function restoreLocked(
  context: RunContext,
  feature: FeatureDeclaration,
  named: AnyKysely,
): Promise<RestoreReport> {
  const latest = await latestRun(context.db, context.feature)
  if (latest) refuseOtherSchema(latest, feature, named)
  context.emit({
    type: 'started',
    feature: context.feature,
    direction: 'restore',
    resumed: latest?.state === 'running' ? latest.phase : null,
  })
  if (!latest || latest.state === 'absent') {
    await refuseForgotten(context.db, feature, named)
    return nothingDone(context, 'absent', latest?.id ?? null)
  }
  if (latest.direction === 'restore') {
    if (latest.state === 'done') return nothingDone(context, 'already restored', latest.id)
    demandFingerprint(context, (await runById(context.db, latest.removal_id ?? '')).fingerprint)
    return await goOnWithRestore(context, latest)
  }
  // of the removal: its plan holds the statements of both
  demandFingerprint(context, latest.fingerprint)
  if (latest.state === 'running') {
    if (latest.phase !== 'record')
      throw new UnshipError({
        code: 'wrong_state',
        message: `the removal of feature ${context.feature} has not finished`,
        detail: `Run ${latest.id} broke off in phase "${latest.phase}", before its cut-over: the feature is still there, untouched.`,
        hint: 'Run the removal again to finish it, or abortRemoval to take it back.',
      })
    await finishRemoval(context, { id: latest.id, plan: planOf(latest) })
  }
  return await startRestore(context, await runById(context.db, latest.id))
}

/** Goes on with a restore that broke off, or begins it anew. */
export async function goOnWithRestore(context: RunContext, restore: LedgerRun): Promise<RestoreReport> {
  if (restore.phase === 'add' || restore.phase === 'fill') await refuseUnreadableLag(context, planOf(restore))
  if (restore.phase !== 'add') return await continueRestore(context, restore)
  // it had changed nothing yet: what it saw may have changed since
  await writeLedger(context, 'add', [finishRun(restore.id, 'aborted', { error: 'broke off before its first change' })])
  const { takesBack = false } = planOf(restore)
  return await startRestore(context, await runById(context.db, restore.removal_id ?? ''), { takesBack })
}

/** Restores what a removal took. */
export async function startRestore(
  context: RunContext,
  removal: LedgerRun,
  { takesBack = false }: { readonly takesBack?: boolean } = {},
): Promise<RestoreReport> {
  const plan = planOf(removal)
  await refuseUnreadableLag(context, plan)
  const kept = await keptRemoval(context.db, removal)
  await refuseOtherBackups(context.db, kept)
  const { found, hosts, sealed } = await inspectRestore(context, kept.removal, kept.plan)
  const { actor, reason } = context.options
  // in a caller's transaction the locks keep everybody out
  const lateRows = !context.session.inTransaction && {
    lateRows: serveLateRows(plan.hosts, context.feature, hosts.rows),
  }
  const runId = await startRun(context.db, {
    ...{
      feature: context.feature,
      direction: 'restore',
      phase: 'add',
      state: 'running',
      removalId: removal.id,
      actor,
      reason,
    },
    // what it takes over names things by identifiers of the removal's database
    plan: { ledger: '', ...plan, ...found, ...lateRows, ...(takesBack && { takesBack }) },
  })
  return await runPhases(context, await runById(context.db, runId), 'add', { archive: kept.archive, hosts, sealed })
}

/** Goes on with a restore that broke off. */
export async function continueRestore(context: RunContext, restore: LedgerRun): Promise<RestoreReport> {
  await refuseOthersFunctionsNow(context.db, planOf(restore), 'It is as far restored as before.')
  const beforeReveal = isBefore(restore.phase, 'reveal')
  if (beforeReveal) {
    const removal = await runById(context.db, restore.removal_id ?? '')
    await refuseMissing(context, removal.id, planOf(restore))
    const sealed = await refuseChangedBackups(context, removal, planOf(restore))
    await refuseAmbiguousKeys(context, removal, planOf(restore))
    await refusePublicationsSince(context, removal, planOf(restore))
    await refuseOtherRoles(context, restore.removal_id ?? '', planOf(restore), 'It is as far restored as before.')
    const from = (await takeViewsBack(context, restore)) ? earlier(restore.phase, 'build') : restore.phase
    return await runPhases(context, restore, from, { archive: null, hosts: null, sealed })
  }
  return await runPhases(context, restore, restore.phase)
}

function nothingDone(context: RunContext, outcome: 'absent' | 'already restored', runId: string | null): RestoreReport {
  return { ...reportOf(context, runId), outcome, hosts: [], setAside: [], retired: [] }
}
