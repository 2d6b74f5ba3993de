import type { AnyKysely } from '../../any-kysely.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { readKeeping } from '../../ledger/history.ts'
import { ensureLedger, latestRun, runById, saveObjects, saveStatements, startRun } from '../../ledger/ledger.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'
import { captureStatement, recordEvent, saveCounts, setPhase, saveKeySequences } from '../../ledger/entries.ts'
import { aheadOfLocks } from '../../plan/ahead.ts'
import { catchUpIfLogged, demandSameLogs, demandSameSources } from '../../plan/data/backup.ts'
import { keySequencesNow } from '../../plan/objects/key-sequences.ts'
import { againstDefinitions } from '../../plan/locks.ts'
import { keepStill, lateLocks } from '../../plan/unchanged/row-locks.ts'
import { demandOwnersAlone, demandSameCatalog, holdTheRest } from '../../plan/unchanged/same-catalog.ts'
import { demandPublications } from '../../plan/unchanged/same-publications.ts'
import { refuseUnrecordable } from '../../plan/refusals/rights.ts'
import { unwatchStatements } from '../../plan/data/watch.ts'
import { CAPTURE_MARKS, COMPARE_MARK } from '../../plan/removal-statements.ts'
import type { CapturePlan, Phase, Statement } from '../../plan/plan.ts'
import { asRun } from '../as-run.ts'
import { isRevealed } from '../status/broke-off.ts'
import { afterFailure } from './broken-removal.ts'
import { AHEAD_OF_LOCKS, catchUp, catchUpAhead, catchUpSealed, demandFew, saveSeals, UNDER_LOCKS } from './catch-up.ts'
import type { RunContext } from '../context.ts'
import { copyHosts, type Copied } from './copy.ts'
import { refuseDeclaredOtherwise } from './declared-otherwise.ts'
import { inspect, recordedPlan, refuseReadOnly, type Inspection } from './inspect.ts'
import { notRemoved } from './not-removed.ts'
import type { RunOptions } from '../options.ts'
import { backupsOf } from '../backups/backups.ts'
import { readersOfKept } from '../backups/kept-readers.ts'
import { finishRemoval, planOf } from '../backups/removal-state.ts'
import { nothingDone, reportOf } from './removal-report.ts'
import type { BackupReport, RemovalReport } from '../report.ts'
import { continueRestore } from '../restore/restore.ts'
import { runShort } from '../short.ts'
import { demandFingerprint } from '../same-fingerprint.ts'
import { refuseOtherSchema } from '../same-schema.ts'
import { readSources } from './sources.ts'
import { takeBackRemoval } from './take-back-removal.ts'
import { takeBackRestore } from '../restore/take-back-restore.ts'
import { verifyBackups } from './verify-backups.ts'
import { comparing, plannedOtherwise, watchedOtherwise } from '../what-changed.ts'
import { writeLedger } from '../write-ledger.ts'

/**
 * Removes a feature after its data is safely backed up.
 *
 * Given a pool or a connection, each phase commits on its own. ACCESS EXCLUSIVE
 * locks on the host tables and the feature's tables are held twice, for
 * milliseconds: when the watch begins, and at the cut-over. Given a transaction,
 * all happens in it, and the locks are held until it ends.
 *
 * Running it again finishes what a broken run began; when there is nothing to do
 * it says so.
 *
 * @throws {UnshipError} with the database unchanged where it refuses.
 *
 * @example
 * export const up = (db: Kysely<Database>) => removeFeature(db, feature)
 */
export async function removeFeature(
  db: AnyKysely,
  feature: FeatureDeclaration,
  options: RunOptions = {},
): Promise<RemovalReport> {
  return await asRun('removal', db, feature, options, (context, declared) => removeLocked(context, declared, db))
}

async function removeLocked(
  context: RunContext,
  feature: FeatureDeclaration,
  named: AnyKysely,
): Promise<RemovalReport> {
  const { db } = context
  const latest = await latestRun(db, feature.name)
  if (latest && !(latest.direction === 'restore' && latest.state === 'done')) refuseOtherSchema(latest, feature, named)
  context.emit({
    type: 'started',
    feature: feature.name,
    direction: 'removal',
    resumed: latest?.state === 'running' ? latest.phase : null,
  })
  if (latest?.state === 'running' && latest.direction === 'removal') {
    if (latest.phase === 'record') {
      const report = await record(context, latest.id, planOf(latest), latest.counts).catch(async (error: unknown) => {
        throw await afterFailure(context, latest.id, error)
      })
      await refuseDeclaredOtherwise(context, latest, feature, named)
      return report
    }
    await takeBackRemoval(context, latest, 'a new run starts over')
  }
  if (latest?.state === 'running' && latest.direction === 'restore') {
    if (!isRevealed(latest.phase)) {
      await takeBackRestore(context, latest)
      await refuseDeclaredOtherwise(context, await runById(db, latest.removal_id ?? ''), feature, named)
      return nothingDone(context, 'already removed', latest.removal_id)
    }
    await continueRestore(context, latest)
  }

  const removed = latest?.state === 'done' && latest.direction === 'removal' ? latest : null
  // with its backups went all that there was to restore: what is there was made anew
  const purged = removed !== null && (await readKeeping(db)).purges.has(removed.id)
  if (removed && !purged) await refuseDeclaredOtherwise(context, removed, feature, named)
  const inspection = await inspect(context, feature, named)
  const { snapshot, plan } = inspection
  if (removed) {
    if (plan.absent) return nothingDone(context, 'already removed', removed.id)
    if (!purged) throw notRemoved(removed)
  }
  refuseReadOnly(snapshot)
  if (plan.absent) {
    refuseUnrecordable(snapshot, feature.name)
    return await recordAbsent(context, feature)
  }
  demandFingerprint(context, plan.fingerprint)
  return await remove(context, feature, inspection)
}

async function remove(
  context: RunContext,
  feature: FeatureDeclaration,
  inspection: Inspection,
): Promise<RemovalReport> {
  const { db, options } = context
  const { plan } = inspection
  plan.warnings.forEach((w) => {
    context.warn(w)
  })
  const recorded = recordedPlan(inspection)
  await ensureLedger(db)
  const { actor, reason } = options
  const runId = await startRun(db, {
    ...{ feature: feature.name, direction: 'removal', phase: 'watch', state: 'running', actor, reason },
    ...{ declaration: feature, fingerprint: plan.fingerprint, plan: recorded },
  })
  await saveObjects(db, runId, plan.objects)
  await saveStatements(db, runId, plan.restore)
  try {
    const counts = await runPhases(context, inspection, runId)
    return await record(context, runId, recorded, counts)
  } catch (error) {
    throw await afterFailure(context, runId, error)
  }
}

async function runPhases(
  context: RunContext,
  inspection: Inspection,
  runId: string,
): Promise<Readonly<Record<string, number>>> {
  const { session } = context
  const { plan, snapshot } = inspection
  const of = (phase: Phase) => plan.removal.filter((s) => s.phase === phase).map((s) => s.sql)
  const enter = async (phase: Phase, ...more: string[]) => {
    await writeLedger(context, phase, [...more, setPhase(runId, phase), recordEvent(runId, `phase ${phase}`)])
  }
  const online = !session.inTransaction

  // the locks of the cut-over are asked for here already: whoever holds them makes us wait now, before the copy
  const locks = [...plan.locks.cutOver, ...lateLocks(snapshot)]
  const watch = () =>
    context.phase('watch', () =>
      runShort(context, { phase: 'watch', locks, statements: online ? of('watch') : [], flushedLater: online }),
    )
  await comparing(context, watch, (...failure) => plannedOtherwise(context, inspection, ...failure))
  const watched = await readSources(context, plan.hosts)
  const telling = (work: () => Promise<void>) =>
    comparing(
      context,
      work,
      async (...failure) =>
        (await plannedOtherwise(context, inspection, ...failure)) ?? (await watchedOtherwise(context, watched)),
    )
  await enter('copy')
  let copied: Copied = { tallies: [], counts: {}, hostRows: {} }
  await telling(() =>
    context.phase('copy', async () => {
      copied = await copyHosts(context, plan, of('copy'), runId)
      return null
    }),
  )
  const { tallies, counts } = copied
  context.emit({ type: 'preflight', counts: Object.entries(counts).map(([label, rows]) => ({ label, rows })) })
  await enter('verify', saveCounts(runId, copied))
  await telling(() =>
    context.phase('verify', async () => {
      if (online) await catchUp(context, tallies)
      await verifyBackups(context, tallies)
      if (online) await catchUp(context, tallies)
      await writeLedger(context, 'verify', [saveSeals(runId, tallies)])
      return null
    }),
  )
  const watching = new Set(plan.hosts.flatMap(unwatchStatements))
  const captures = (at: CapturePlan['at']) =>
    plan.captures.filter((c) => c.at === at).map((c) => captureStatement(runId, c.position, c.expression))
  const kept = keepStill(snapshot)
  const rest = holdTheRest(snapshot)
  const comparison = [
    // these tell an altered column by who wrote its row
    ...demandSameSources(watched),
    ...kept.map(({ sql }) => sql),
    rest.before,
    // tells more of them than the comparison of the catalog, which would find them too
    ...demandPublications(
      // a host table of which only generated columns go has no backup, hence is none of the hosts
      [...plan.hosts, ...plan.moved, ...plan.publications].map(({ table }) => table),
      plan.publications,
    ),
    ...demandSameCatalog(snapshot, plan.hosts),
  ]
  const marks = new Map([
    [COMPARE_MARK, comparison],
    ...tallies.flatMap((tally) =>
      catchUpIfLogged(tally.host).map((sql) => [sql, online ? catchUpSealed(runId, tally) : []] as const),
    ),
    ...(['columns hidden', 'tables moved'] as const).map((at) => [CAPTURE_MARKS[at], captures(at)] as const),
  ])
  const sqlOf = (statements: readonly Statement[]) =>
    statements.flatMap(({ sql }) => marks.get(sql) ?? (online || !watching.has(sql) ? [sql] : []))
  const { ahead, statements } = aheadOfLocks(
    plan.removal.filter((s) => s.phase === 'cut over'),
    plan.locks.cutOver,
    [],
  )
  const cutOver = () =>
    context.phase('cut over', () =>
      runShort(
        context,
        {
          phase: 'cut over',
          flushedLater: online,
          ahead: {
            locks: againstDefinitions(plan.locks.cutOver),
            statements: [
              ...sqlOf(ahead.statements),
              ...(online ? demandFew(plan.hosts, AHEAD_OF_LOCKS) : []),
              ...(online ? tallies.flatMap((tally) => catchUpAhead(runId, tally)) : []),
              ...(plan.hosts.length > 0 ? [saveKeySequences(runId, keySequencesNow(plan.hosts))] : []),
            ],
          },
          locks,
          concerned: kept,
          statements: [
            rest.after,
            ...(online ? demandSameLogs(watched) : []),
            ...(online ? demandFew(plan.hosts, UNDER_LOCKS) : []),
            ...sqlOf(statements),
            ...demandOwnersAlone(snapshot),
            setPhase(runId, 'record'),
            recordEvent(runId, 'cut over'),
          ],
        },
        async () => {
          await catchUp(context, tallies)
          await writeLedger(context, 'cut over', [saveSeals(runId, tallies)])
        },
      ),
    )
  await telling(cutOver)
  return counts
}

/** Seals the backups and closes the run. */
async function record(
  context: RunContext,
  runId: string,
  plan: RecordedPlan,
  counts: Readonly<Record<string, number>>,
): Promise<RemovalReport> {
  const backups: BackupReport[] = []
  await context.phase('record', async () => {
    await warnOfReaders(context, plan)
    backups.push(...(await finishRemoval(context, { id: runId, plan })))
    return null
  })
  return { ...reportOf(context, runId, counts), outcome: 'removed', backups }
}

/** Grants of the application's were taken away; others came with the removal's own statements, by event triggers as they may be. */
async function warnOfReaders(context: RunContext, plan: RecordedPlan): Promise<void> {
  const found = await readersOfKept(
    context.db,
    backupsOf(plan).map(({ table }) => table),
  )
  if (found.length > 0)
    context.warn(
      `others than their owners can read what is kept; revoke it, or drop the table from the publication: ${found.join('; ')}`,
    )
}

async function recordAbsent(context: RunContext, feature: FeatureDeclaration): Promise<RemovalReport> {
  const { actor, reason } = context.options
  await ensureLedger(context.db)
  const runId = await startRun(context.db, {
    ...{
      feature: feature.name,
      direction: 'removal',
      phase: 'record',
      state: 'absent',
      actor,
      reason,
      declaration: feature,
    },
  })
  return { ...reportOf(context, runId, {}), outcome: 'absent', backups: [] }
}
