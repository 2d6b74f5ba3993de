import type { AnyKysely } from '../any-kysely.ts'
import type { Definitions } from '../catalog/definitions.ts'
import { UnshipError } from '../errors.ts'
import type { FeatureDeclaration } from '../feature.ts'
import type { Archive } from '../ledger/history.ts'
import {
  finishRun,
  latestRun,
  majorOf,
  recordEvent,
  runById,
  setPhase,
  startRun,
  type LedgerRun,
} from '../ledger/ledger.ts'
import { aheadOfLocks } from '../plan/ahead.ts'
import { ALL_IMMEDIATE, DEFERRED_AGAIN } from '../plan/deferred.ts'
import { serveLateRows } from '../plan/late-rows.ts'
import { againstDefinitions } from '../plan/locks.ts'
import { demandSameDefinitions } from '../plan/same-catalog.ts'
import { nameNotNulls, namesNotNulls } from '../plan/not-null-names.ts'
import type { Phase } from '../plan/plan.ts'
import { STAND_INS_MADE, standInsMade } from '../plan/swap.ts'
import { demandPublications } from '../plan/same-publications.ts'
import { fromArchive, isArchived, keptRemoval, refuseOtherBackups } from './archived.ts'
import { evaluatedAsCaller } from './as-caller.ts'
import { asRun } from './as-run.ts'
import { refuseBackupsChangedSince, refuseChangedBackups, type SealedSince } from './changed-backups.ts'
import type { RunContext } from './context.ts'
import { fillHost } from './fill.ts'
import { withoutGoneLocks } from './gone-locks.ts'
import { brokenChecksAhead, refuseBrokenDemands } from './host-demands.ts'
import { inspectRestore, refuseAmbiguousKeys, refuseMissing } from './inspect-restore.ts'
import { warnOfLatePublications } from './late-publications.ts'
import { warnOfLateTriggers } from './late-triggers.ts'
import type { RunOptions } from './options.ts'
import { refuseOtherRoles } from './other-roles.ts'
import { refuseOthersFunctionsNow } from './others-functions.ts'
import { setAsideOrphans } from './orphans.ts'
import { refuseUnreadableLag } from './pause.ts'
import { run, runTogether } from './query.ts'
import { recordedStatements } from './recorded-statements.ts'
import { finishRemoval, planOf } from './removal-state.ts'
import type { RestoreReport } from './report.ts'
import { retireBackups, type Retirement } from './retire.ts'
import { demandFingerprint } from './same-fingerprint.ts'
import { refuseOtherSchema } from './same-schema.ts'
import { earlier, isBefore } from './restore-order.ts'
import { sayingWhichRows } from './rows-in-the-way.ts'
import { setAsideReferredTo } from './set-aside-referred.ts'
import { runShort } from './short.ts'
import { runSteps, type Restoring } from './steps.ts'
import { takeViewsBack } from './take-views-back.ts'
import { refuseForgotten } from './trust.ts'
import { forgetTruncated, verifyFilled } from './verify-filled.ts'
import { comparing, foundOtherwise } from './what-changed.ts'

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
    await finishRemoval(context, latest)
  }
  return await startRestore(context, await runById(context.db, latest.id))
}

/** Goes on with a restore that broke off, or begins it anew. */
export async function goOnWithRestore(context: RunContext, restore: LedgerRun): Promise<RestoreReport> {
  if (restore.phase === 'add' || restore.phase === 'fill') await refuseUnreadableLag(context, planOf(restore))
  if (restore.phase !== 'add') return await continueRestore(context, restore)
  // it had changed nothing yet: what it saw may have changed since
  await run(context.db, finishRun(restore.id, 'aborted', { error: 'broke off before its first change' }))
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
    plan: { ...plan, ...found, ...lateRows, ...(takesBack && { takesBack }) },
  })
  return await runPhases(context, await runById(context.db, runId), 'add', { archive: kept.archive, hosts, sealed })
}

/** Goes on with a restore that broke off. */
export async function continueRestore(context: RunContext, restore: LedgerRun): Promise<RestoreReport> {
  await refuseOthersFunctionsNow(context.db, planOf(restore), 'It is as far restored as before.')
  const beforeReveal = isBefore(restore.phase, 'reveal')
  if (beforeReveal) {
    await refuseMissing(context, planOf(restore))
    const removal = await runById(context.db, restore.removal_id ?? '')
    const sealed = await refuseChangedBackups(context, removal, planOf(restore))
    await refuseAmbiguousKeys(context, planOf(restore))
    await refuseOtherRoles(context, restore.removal_id ?? '', planOf(restore), 'It is as far restored as before.')
    const from = (await takeViewsBack(context, restore)) ? earlier(restore.phase, 'build') : restore.phase
    return await runPhases(context, restore, from, { archive: null, hosts: null, sealed })
  }
  return await runPhases(context, restore, restore.phase)
}

/** What a restore begins with: if it is not resumed, where its backups are, and what the host tables are like. */
interface Beginning {
  readonly archive: Archive | null
  readonly hosts: Definitions | null
  /** null where the backups are of no use any more. */
  readonly sealed: SealedSince | null
}

async function runPhases(
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
  const of = (phase: Phase) => statements.filter((s) => s.phase === phase)
  const todo = (phase: Phase) => !isBefore(phase, from)
  const enter = async (phase: Phase) => {
    await runTogether(db, [setPhase(restore.id, phase), recordEvent(restore.id, `phase ${phase}`)])
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
            ...(plan.swaps?.length && session.inTransaction ? [DEFERRED_AGAIN] : []),
            setPhase(restore.id, 'fill'),
          ],
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
    await context.phase('verify', async () => {
      await warnOfLateTriggers(context, plan)
      await warnOfLatePublications(context, plan)
      // parents may have gone since the look before the fill: no foreign key stands in their way. A row that returns and has no
      // place may be the parent of a host's
      const quiet = plan.moved.filter((m) => m.published !== true)
      restoring.setAside.push(...(await setAsideOrphans(context, [...quiet, ...plan.hosts], orphans)))
      await verifyFilled(restoring)
      lookedMs = await refuseBrokenDemands(context, plan)
      if (sealed) await refuseBackupsChangedSince(context, await runById(db, removalId), plan, sealed)
      return null
    })
    const upgraded = namesNotNulls(majorOf(await runById(db, removalId)), majorOf(restore))
    const { ahead, locks, ...under } = aheadOfLocks(of('reveal'), plan.locks.reveal, plan.moved)
    await context.phase('reveal', () =>
      sayingWhichRows(context, () =>
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
            ...(plan.lateRows ?? []).flatMap((l) => l.gone),
            ...(plan.swaps ?? []).flatMap((s) => s.back),
            ...under.statements.flatMap((s) => evaluatedAsCaller(session, s.sql)),
            ...(plan.memberships ?? []).flatMap((m) => m.back),
            ...(upgraded ? nameNotNulls(plan) : []),
            setPhase(restore.id, 'validate'),
            recordEvent(restore.id, 'revealed'),
          ],
          ...(plan.rewrites?.reveal && { workLimitMs: null }),
        }),
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
  return await record(restoring, restore)
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

function reportOf(context: RunContext, runId: string | null) {
  const { feature, durationMs, longestLockMs, phases, warnings } = context
  return { direction: 'restore', feature, runId, durationMs, longestLockMs, phases, counts: {}, warnings } as const
}

function nothingDone(context: RunContext, outcome: 'absent' | 'already restored', runId: string | null): RestoreReport {
  return { ...reportOf(context, runId), outcome, hosts: [], setAside: [], retired: [] }
}
