import type { Definitions } from '../../catalog/definitions.ts'
import { readMajor } from '../../catalog/environment.ts'
import type { Archive } from '../../ledger/history.ts'
import { runById } from '../../ledger/ledger.ts'
import { majorOf, type LedgerRun } from '../../ledger/recorded.ts'
import { recordEvent, setPhase } from '../../ledger/entries.ts'
import { aheadOfLocks } from '../../plan/ahead.ts'
import { ALL_IMMEDIATE, DEFERRED_AGAIN } from '../../plan/deferred.ts'
import { againstDefinitions } from '../../plan/locks.ts'
import { demandSameDefinitions } from '../../plan/unchanged/same-catalog.ts'
import { nameNotNulls, namesNotNulls } from '../../plan/objects/not-null-names.ts'
import type { Phase } from '../../plan/plan.ts'
import { renamedAlong } from '../../plan/renamed.ts'
import { isLongReveal } from '../../plan/rewrites.ts'
import { STAND_INS_MADE, standInsGo, standInsMade } from '../../plan/objects/swap.ts'
import { demandPublications } from '../../plan/unchanged/same-publications.ts'
import { demandAllServed } from '../../plan/data/unserved.ts'
import { NOT_SERVED } from '../../sql-states.ts'
import { fromArchive, isArchived } from '../backups/archived.ts'
import { evaluatedAsCaller } from '../as-caller.ts'
import { refuseBackupsChangedSince, type SealedSince } from '../backups/changed-backups.ts'
import type { RunContext } from '../context.ts'
import { fillHost } from './fill.ts'
import { withoutGoneLocks } from './gone-locks.ts'
import { brokenChecksAhead, refuseBrokenDemands } from './host-demands.ts'
import { warnOfLatePublications } from './late-publications.ts'
import { warnOfLateTriggers } from './late-triggers.ts'
import { awaitOldSnapshots } from './old-snapshots.ts'
import { setAsideOrphans } from './orphans.ts'
import { run, sqlState } from '../query.ts'
import { recordedStatements } from '../recorded-statements.ts'
import { planOf } from '../backups/removal-state.ts'
import type { RestoreReport } from '../report.ts'
import { retireBackups, type Retirement } from './retire.ts'
import { isBefore } from './restore-order.ts'
import { ofReveal, sayingWhichView } from './view-fills.ts'
import { sayingWhichRows } from './rows-in-the-way.ts'
import { setAsideReferredTo } from './set-aside-referred.ts'
import { notServed } from '../short-errors.ts'
import { runShort } from '../short.ts'
import { runSteps, type Restoring } from './steps.ts'
import { forgetTruncated, verifyFilled } from './verify-filled.ts'
import { comparing, foundOtherwise } from '../what-changed.ts'
import { writeLedger } from '../write-ledger.ts'

/** What a restore begins with: if it is not resumed, where its backups are, and what the host tables are like. */
interface Beginning {
  readonly archive: Archive | null
  readonly hosts: Definitions | null
  /** null where the backups are of no use any more. */
  readonly sealed: SealedSince | null
}

/** Runs the phases of a restore from the given one on. */
export async function runPhases(
  context: RunContext,
  restore: LedgerRun,
  from: Phase,
  { archive, hosts, sealed }: Beginning = { archive: null, hosts: null, sealed: null },
): Promise<RestoreReport> {
  const { db, session } = context
  const plan = await withoutGoneLocks(context, planOf(restore))
  const removalId = restore.removal_id ?? ''
  const statements = await recordedStatements(db, removalId)
  const restoring: Restoring = {
    context,
    plan,
    removalId,
    runId: restore.id,
    setAside: [],
    counted: new Map(),
    longestLockMs: 0,
    lockAttempts: 1,
  }
  // PostgreSQL checks keys again of rows that the transaction has written before, and alters no table for which that is pending
  if (session.inTransaction) await run(db, ALL_IMMEDIATE)
  if (isBefore(from, 'reveal')) await refuseUnserved(context, restore.id)
  const of = (phase: Phase) => statements.filter((s) => s.phase === phase)
  const todo = (phase: Phase) => !isBefore(phase, from)
  const enter = async (phase: Phase) => {
    await writeLedger(context, phase, [setPhase(restore.id, phase), recordEvent(restore.id, `phase ${phase}`)])
  }

  // archived backups have their names back before anything reads them
  const unarchive = archive ? fromArchive(removalId, archive) : { locks: [], statements: [] }
  const orphans = { moved: plan.moved, hosts: plan.hosts, runId: restore.id, removalId, revealed: false }

  if (todo('add')) {
    const add = () =>
      context.phase('add', () =>
        runShort(context, {
          phase: 'add',
          flushedLater: !session.inTransaction,
          ahead: {
            locks: againstDefinitions(plan.locks.add),
            statements: hosts && plan.hosts.length > 0 ? [demandSameDefinitions(hosts)] : [],
          },
          locks: [
            ...unarchive.locks,
            // an archived backup is locked under its present name
            ...(session.inTransaction ? plan.locks.reveal.filter((l) => !isArchived(archive, l)) : plan.locks.add),
          ],
          statements: [
            ...(plan.published
              ? demandPublications(
                  plan.hosts.map(({ table }) => table),
                  plan.published,
                )
              : []),
            ...unarchive.statements,
            ...(plan.swaps?.length ? [ALL_IMMEDIATE] : []),
            ...(plan.swaps ?? []).flatMap((s) => s.away),
            ...(plan.swaps?.some((s) => s.made)
              ? [recordEvent(restore.id, STAND_INS_MADE, {}, standInsMade(plan.swaps))]
              : []),
            ...(plan.memberships ?? []).flatMap((m) => m.away),
            ...of('add').map((s) => s.sql),
            ...(plan.lateRows ?? []).flatMap((l) => l.made),
            setPhase(restore.id, 'fill'),
          ],
          concerned: renamedAlong([...unarchive.statements, ...of('add').map((s) => s.sql)]),
          ...(plan.rewrites?.add && { workLimitMs: null }),
        }),
      )
    if (hosts) await comparing(context, add, (state) => foundOtherwise(context, hosts, state))
    else await add()
  }
  if (todo('fill'))
    await context.phase('fill', async () => {
      restoring.setAside.push(...(await setAsideOrphans(context, plan.hosts, orphans)))
      for (const host of plan.hosts) await fillHost(context, host)
      return null
    })
  if (todo('build')) {
    await enter('build')
    await context.phase('build', async () => {
      await runSteps(restoring, of('build'))
      return restoring.longestLockMs > 0
        ? { lockHeldMs: restoring.longestLockMs, attempts: restoring.lockAttempts }
        : null
    })
  }
  if (todo('reveal')) {
    await enter('verify')
    let lookedMs = 0
    // tables that were moved hold the same rows for everybody
    const written = plan.hosts.length > 0 || of('build').some((s) => s.action === 'materialized view')
    await context.phase('verify', async () => {
      if (written && !session.inTransaction) await awaitOldSnapshots(context)
      await refuseUnserved(context, restore.id)
      await warnOfLateTriggers(context, plan)
      await warnOfLatePublications(context, plan)
      // parents may have gone since the look before the fill: no foreign key stands in their way. A row that returns and has no
      // place may be the parent of a host's
      const quiet = plan.moved.filter((m) => m.published !== true)
      restoring.setAside.push(...(await setAsideOrphans(context, [...quiet, ...plan.hosts], orphans)))
      await verifyFilled(restoring)
      lookedMs = await refuseBrokenDemands(context, plan, restore.id)
      if (sealed) await refuseBackupsChangedSince(context, await runById(db, removalId), plan, sealed)
      return null
    })
    const upgraded = namesNotNulls(majorOf(await runById(db, removalId)), await readMajor(db))
    const { ahead, locks, ...under } = aheadOfLocks(of('reveal'), plan.locks.reveal, plan.moved)
    await context.phase('reveal', () =>
      sayingWhichRows(context, () =>
        sayingWhichView(context, removalId, ofReveal(of('reveal')), () =>
          runShort(context, {
            phase: 'reveal',
            flushedLater: !session.inTransaction,
            ahead: {
              locks: ahead.locks,
              statements: [
                ...brokenChecksAhead(context, plan, lookedMs),
                ...ahead.statements.flatMap((s) => evaluatedAsCaller(session, s.sql)),
              ],
            },
            locks,
            statements: [
              demandAllServed(restore.id),
              ...(plan.lateRows ?? []).flatMap((l) => l.gone),
              ...standInsGo(plan.swaps),
              ...under.statements.flatMap((s) => evaluatedAsCaller(session, s.sql)),
              ...(plan.memberships ?? []).flatMap((m) => m.back),
              ...(upgraded ? nameNotNulls(plan) : []),
              setPhase(restore.id, 'validate'),
              recordEvent(restore.id, 'revealed'),
            ],
            concerned: renamedAlong(of('reveal').map((s) => s.sql)),
            ...(isLongReveal(plan.rewrites) && { workLimitMs: null }),
          }),
        ),
      ),
    )
    await forgetTruncated(restoring)
  }
  await context.phase('validate', async () => {
    restoring.longestLockMs = 0
    await setAsideReferredTo(restoring, of('validate'))
    await runSteps(restoring, of('validate'))
    return restoring.longestLockMs > 0
      ? { lockHeldMs: restoring.longestLockMs, attempts: restoring.lockAttempts }
      : null
  })
  const report = await record(restoring, restore)
  if (session.inTransaction) await run(db, DEFERRED_AGAIN)
  return report
}

/** Told early, rather than after the fill: before the reveal it is asked once more, when nobody writes. */
async function refuseUnserved(context: RunContext, runId: string): Promise<void> {
  await run(context.db, demandAllServed(runId)).catch((error: unknown) => {
    throw sqlState(error) === NOT_SERVED ? notServed(context, error) : error
  })
}

/** Retires the backups, closes the run. */
async function record(restoring: Restoring, restore: LedgerRun): Promise<RestoreReport> {
  const { context } = restoring
  let retirement: Retirement | undefined
  await context.phase('record', async () => {
    retirement = await retireBackups(restoring, restore)
    return null
  })
  return { ...reportOf(context, restore.id), outcome: 'restored', hosts: [], setAside: [], retired: [], ...retirement }
}

export function reportOf(context: RunContext, runId: string | null) {
  const { feature, durationMs, longestLockMs, phases, warnings } = context
  return { direction: 'restore', feature, runId, durationMs, longestLockMs, phases, counts: {}, warnings } as const
}
