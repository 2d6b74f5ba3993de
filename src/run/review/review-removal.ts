import type { AnyKysely } from '../../any-kysely.ts'
import type { Environment } from '../../catalog/environment.ts'
import { readJson } from '../../catalog/read.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { UnshipError } from '../../errors.ts'
import { latestRun } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { PACKAGE_VERSION } from '../../ledger/version.ts'
import { hazards, type Surroundings } from '../../plan/review/hazards.ts'
import { Model } from '../../plan/model.ts'
import type { NothingToRemove, RemovalReview, ReviewHead } from '../../plan/review/review.ts'
import { reviewObjects } from '../../plan/review/review-objects.ts'
import { removalPhases, reviewStatements } from '../../plan/review/review-phases.ts'
import { describeBlocker, readBlockers } from '../blockers.ts'
import type { RunContext } from '../context.ts'
import { declarationFor } from '../declaration-for.ts'
import { onlyLooking, readingTables } from '../definitions-patiently.ts'
import { estimateBackups } from './estimate.ts'
import { readEvidence } from './evidence.ts'
import { inspect, readCounts, type Inspection } from '../removal/inspect.ts'
import { isActive } from '../status/read-status.ts'
import { refuseOtherSchema } from '../same-schema.ts'
import { withSession, type Session } from '../session.ts'

/**
 * Plans a removal and reads all that a reviewer wants to know beside it: counts,
 * what the backups will hold, hazards, signs of use. Changes nothing, and
 * locks what `planRemoval` does, and the tables that it counts in ACCESS SHARE.
 *
 * @throws {UnshipError} what the removal would refuse with; `wrong_state` while a
 * removal or restore of it is unfinished.
 *
 * @example
 * const review = await reviewRemoval(db, feature)
 * if (review.direction === 'removal') console.log(review.phases, review.hazards)
 */
export async function reviewRemoval(
  db: AnyKysely,
  feature: FeatureDeclaration,
): Promise<RemovalReview | NothingToRemove> {
  const declared = declarationFor(db, feature, { objects: true })
  return await withSession(db, async (session) => {
    const latest = await latestRun(session.db, declared.name)
    if (latest?.state === 'running') throw unfinished(latest)
    return await reviewed(session, declared, db, latest)
  })
}

/**
 * What a removal would do that is run again: where one broke off before its cut-over, that takes it back and begins anew; where
 * one broke off after it, that finishes it.
 *
 * @throws {UnshipError} as `reviewRemoval`; `wrong_state` while a removal is under way, or a restore unfinished.
 */
export async function reviewRunAgain(
  db: AnyKysely,
  declaration: FeatureDeclaration,
): Promise<{ readonly review: RemovalReview | NothingToRemove; readonly brokeOff: LedgerRun | null }> {
  const feature = declarationFor(db, declaration, { objects: true })
  return await withSession(db, async (session) => {
    const latest = await latestRun(session.db, feature.name)
    if (latest?.state !== 'running') return { review: await reviewed(session, feature, db, latest), brokeOff: null }
    const broken = latest.direction === 'removal' && (await isActive(session.db, feature.name)) === false
    if (!broken) throw unfinished(latest)
    refuseOtherSchema(latest, feature, db)
    return { review: await reviewed(session, feature, db, latest), brokeOff: latest }
  })
}

async function reviewed(
  session: Session,
  feature: FeatureDeclaration,
  named: AnyKysely,
  latest: LedgerRun | null,
): Promise<RemovalReview | NothingToRemove> {
  const context = onlyLooking(session, feature)
  const inspection = await inspect(context, feature, named)
  if (!inspection.plan.absent) return await review(context, inspection)
  const cutOver = latest?.state === 'done' || (latest?.state === 'running' && latest.phase === 'record')
  const removed = latest?.direction === 'removal' && cutOver ? latest : null
  return {
    direction: 'none',
    feature: feature.name,
    database: inspection.snapshot.environment.database,
    removal: removed && { run: removed.id, at: removed.finished_at, fingerprint: removed.fingerprint },
  }
}

/** There is nothing to plan in the middle of a run. */
export const unfinished = ({ id, feature, direction, phase }: LedgerRun) =>
  new UnshipError({
    code: 'wrong_state',
    message: `the ${direction} of feature ${feature} has not finished`,
    detail: `Run ${id} is in phase "${phase}", or broke off there.`,
    hint: 'unship status tells whether it still runs, and how to finish it or take it back.',
  })

async function review(context: RunContext, { feature, snapshot, plan }: Inspection): Promise<RemovalReview> {
  const { db, session } = context
  const model = new Model(snapshot, feature)
  // before we scan the tables ourselves
  const evidence = await readEvidence(db, model)
  const tables = [...plan.hosts, ...plan.moved].map(({ table }) => table)
  const { counts } = await readingTables(context, tables, () => readCounts(session, plan))
  const reading = [...model.removed.keys()].map((oid) => model.size(oid))
  return {
    ...reviewHead(snapshot.environment, { feature: feature.name, direction: 'removal', fingerprint: plan.fingerprint }),
    direction: 'removal',
    counts: Object.entries(counts).map(([label, rows]) => ({ label, rows })),
    ...reviewObjects(model, plan),
    backups: await readingTables(context, tables, () => estimateBackups(db, model, plan)),
    phases: removalPhases(plan, plan.removal),
    statements: reviewStatements(plan.removal, plan),
    restore: reviewStatements(plan.restore, plan),
    hazards: hazards(model, plan, await readSurroundings(session, plan.locks.cutOver)),
    evidence,
    reading: {
      bytes: reading.reduce((sum, size) => sum + size.bytes, 0),
      rows: reading.reduce((sum, size) => sum + size.rows, 0),
    },
  }
}

export function reviewHead<D extends ReviewHead['direction']>(
  { database, server_version, current_user }: Environment,
  { feature, direction, fingerprint }: { feature: string; direction: D; fingerprint: string },
): ReviewHead & { readonly direction: D } {
  return {
    format: 1,
    feature,
    direction,
    database,
    serverVersion: server_version.split(' ', 1)[0] ?? server_version,
    role: current_user,
    packageVersion: PACKAGE_VERSION,
    plannedAt: new Date().toISOString(),
    fingerprint,
  }
}

async function readSurroundings(
  { db }: Session,
  locks: readonly { readonly relation: { readonly schema: string; readonly name: string } }[],
): Promise<Surroundings> {
  const [counted] = await readJson<{ slots: number; standbys: number }>(
    db,
    `select (select pg_catalog.count(*) from pg_catalog.pg_replication_slots s
        where s.slot_type = 'logical' and s.database = pg_catalog.current_database()) as slots,
      (select pg_catalog.count(*) from pg_catalog.pg_stat_get_wal_senders()) as standbys`,
  )
  const blockers = await readBlockers(db, locks)
  return {
    logicalSlots: counted?.slots ?? 0,
    standbys: counted?.standbys ?? 0,
    blockers: blockers.map((b) => ({
      relation: b.relation === null ? null : shownName(b.relation),
      ageMs: b.ageMs,
      who: describeBlocker(b),
    })),
  }
}

/** regclass under an empty search_path, for people. */
const shownName = (regclass: string) => regclass.replace(/^public\./, '')
