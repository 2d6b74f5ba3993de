import type { AnyKysely } from '../../any-kysely.ts'
import { readEnvironment } from '../../catalog/environment.ts'
import { translated } from '../../catalog/translated.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { latestRun, runById } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { demandTrustedLedger } from '../../ledger/open.ts'
import { Model } from '../../plan/model.ts'
import type { Phase, Statement } from '../../plan/plan.ts'
import type { RestoreReview } from '../../plan/review/review.ts'
import { restorePhases, reviewStatements } from '../../plan/review/review-phases.ts'
import { fromArchive, keptRemoval } from '../backups/archived.ts'
import { backupsOf, sealBackups } from '../backups/backups.ts'
import { declarationFor } from '../declaration-for.ts'
import { onlyLooking, readingDeclared } from '../definitions-patiently.ts'
import { estimateBackups } from './estimate.ts'
import { inspect } from '../removal/inspect.ts'
import { inspectRestore } from '../restore/inspect/inspect-restore.ts'
import { recordedStatements } from '../recorded-statements.ts'
import { relationExists } from '../relation-exists.ts'
import { goingOn, isBefore } from '../restore/restore-order.ts'
import { reviewHead, unfinished } from './review-removal.ts'
import { withSession, type Session } from '../session.ts'

/**
 * Shows the restore of a feature: as planned where it has not been removed, else
 * as the ledger has it. Changes nothing, and locks what `planRemoval` does.
 *
 * @throws {UnshipError} what the removal, or the restore, would refuse with; `wrong_state`
 * while a removal of it is unfinished and has not cut over.
 *
 * @example
 * const review = await reviewRestore(db, feature)
 */
export async function reviewRestore(db: AnyKysely, feature: FeatureDeclaration): Promise<RestoreReview> {
  const declared = declarationFor(db, feature, { objects: false })
  return await withSession(db, async (session) => {
    const latest = await latestRun(session.db, declared.name)
    const cutOver = latest?.state === 'done' || latest?.phase === 'record'
    if (latest?.direction === 'removal' && latest.state === 'running' && !cutOver) throw unfinished(latest)
    const removal =
      latest?.direction === 'removal'
        ? cutOver
          ? latest
          : null
        : latest?.state === 'running'
          ? await runById(session.db, latest.removal_id ?? '')
          : null
    // what the plan asks of the rows is in the ledger, too
    if (removal) await demandTrustedLedger(session.db)
    return removal
      ? await fromLedger(session, translated(declared, db), removal, latest)
      : await fromPlan(session, declared, db)
  })
}

async function fromPlan(session: Session, declared: FeatureDeclaration, named: AnyKysely): Promise<RestoreReview> {
  const context = onlyLooking(session, declared)
  const { feature, snapshot, plan } = await inspect(context, declared, named)
  if (plan.absent)
    throw new UnshipError({
      code: 'wrong_state',
      message: `there is nothing to restore: feature ${feature.name} is not in this database, and was not removed from it`,
      detail: 'The ledger knows no removal of it.',
      hint: 'Check that the connection leads to the right database.',
    })
  return {
    ...reviewHead(snapshot.environment, { feature: feature.name, direction: 'restore', fingerprint: plan.fingerprint }),
    from: 'plan',
    goesOnIn: null,
    removal: null,
    backups: await readingDeclared(context, declared, named, () =>
      estimateBackups(session.db, new Model(snapshot, feature), plan),
    ),
    phases: restorePhases(plan, plan.restore),
    statements: reviewStatements(plan.restore, plan),
  }
}

async function fromLedger(
  session: Session,
  feature: FeatureDeclaration,
  removal: LedgerRun,
  latest: LedgerRun | null,
): Promise<RestoreReview> {
  const { db } = session
  const kept = await keptRemoval(db, removal)
  const { plan } = kept
  const running = latest?.direction === 'restore' && latest.state === 'running'
  // a restore that is under way has met its refusals already
  if (!running) await inspectRestore(onlyLooking(session, feature), kept.removal, plan)
  const unarchive = kept.archive ? fromArchive(removal.id, kept.archive).statements : []
  const recorded = await recordedStatements(db, removal.id)
  // before its first change it begins anew
  const begun = running && latest.phase !== 'add' ? goingOn(latest.phase, recorded) : null
  const statements: Statement[] = [
    ...unarchive.map((sql) => ({
      ...({ phase: 'add', action: 'run', sql, lock: null, relations: [], object: null } as const),
      reason: 'backups come from the archive',
    })),
    ...(begun?.statements ?? recorded),
  ]
  const isLeft = ({ phase }: { readonly phase: Phase }) => !begun || !isBefore(phase, begun.from)
  const backups: RestoreReview['backups'][number][] = []
  for (const [n, backup] of backupsOf(plan).entries()) {
    // after the reveal a moved table has its own name again
    if (running && !(await relationExists(db, backup.table))) continue
    const how = n < plan.hosts.length ? 'copied' : 'renamed'
    for (const { table, of, rows, bytes } of await sealBackups(db, [backup]))
      backups.push({ table, of, how, rows, bytes, exact: true })
  }
  return {
    ...reviewHead(await readEnvironment(db), {
      feature: removal.feature,
      direction: 'restore',
      fingerprint: removal.fingerprint ?? '',
    }),
    from: 'ledger',
    goesOnIn: begun?.from ?? null,
    removal: { run: removal.id, at: removal.finished_at },
    backups,
    phases: restorePhases(plan, statements).filter(isLeft),
    statements: reviewStatements(statements, plan).filter(isLeft),
  }
}
