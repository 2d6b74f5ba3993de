import { UnshipError } from '../../errors.ts'
import { runById } from '../../ledger/ledger.ts'
import type { LedgerRun, RecordedPlan } from '../../ledger/recorded.ts'
import { finishRun, recordEvent } from '../../ledger/entries.ts'
import { isSameSeal } from '../../plan/data/seal.ts'
import { BRING_BACK_PLAN, lackingPlan } from '../../ledger/whole-plan.ts'
import { backupsOf, sealBackups } from './backups.ts'
import type { RunContext } from '../context.ts'
import { isSameLedger } from '../same-ledger.ts'
import { readBackupOids } from './disowned.ts'
import { unloggedPartitions } from './emptied.ts'
import type { BackupReport } from '../report.ts'
import { readKeptDefinitions } from './kept-definitions.ts'
import { readShapes, readTypeNames, sealStatements } from './shapes.ts'
import { writeLedger } from '../write-ledger.ts'

/** The plan that a run's row keeps. */
export function planOf(run: LedgerRun): RecordedPlan {
  if (run.plan) return run.plan
  throw damaged(run)
}

/** Neither what was kept nor how it comes back is known then. */
export const damaged = (run: Pick<LedgerRun, 'id' | 'feature' | 'plan_lacks'>) =>
  new UnshipError({
    code: 'wrong_state',
    message: `run ${run.id} of feature ${run.feature} has no whole plan in the ledger`,
    detail: capitalized(`${lackingPlan(run)}.`),
    hint: BRING_BACK_PLAN,
  })

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** Seals the backups of a removal that is past its cut-over, and closes its run. */
export async function finishRemoval(
  context: RunContext,
  removal: Pick<LedgerRun, 'id'> & { readonly plan: RecordedPlan },
): Promise<BackupReport[]> {
  const { plan } = removal
  const recorded = await runById(context.db, removal.id)
  const backups = await sealBackups(context.db, backupsOf(plan), {
    earlier: recorded.checksums,
    during: { context, phase: 'record' },
  })
  await demandSeals(context, recorded, backups)
  const parts = await sealBackups(context.db, await unloggedPartitions(context.db, plan))
  const checksums = Object.fromEntries([...backups, ...parts].map((b) => [b.table, b.checksum]))
  const shapes = await readShapes(context.db, plan)
  const types = await readTypeNames(context.db, plan)
  const statements = await sealStatements(context.db, removal.id)
  const definitions = await readKeptDefinitions(context.db, removal.id, plan)
  const oids = await readBackupOids(context.db, backupsOf(plan))
  const report = {
    backups,
    oids,
    shapes,
    types,
    definitions,
    statements,
    phases: context.phases,
    warnings: context.warnings,
  }
  await writeLedger(context, 'record', [
    finishRun(removal.id, 'done', { checksums, report }),
    recordEvent(removal.id, 'removed', { backups }),
  ])
  return backups
}

/**
 * The columns went with these seals of their backups, which the cut-over has left in the ledger; earlier versions left none. A
 * table that was moved is sealed for the first time now.
 */
async function demandSeals(
  { db, feature }: RunContext,
  removal: LedgerRun,
  found: readonly BackupReport[],
): Promise<void> {
  const { id, checksums: expected } = removal
  const sameLedger = await isSameLedger(db, planOf(removal))
  const changed = found.filter(({ table, checksum }) => !isSameSeal(expected[table] ?? checksum, checksum, sameLedger))
  if (changed.length === 0) return
  const names = changed.map(({ table }) => table)
  throw new UnshipError({
    code: 'backup_changed',
    message: `${names.join(', ')} does not hold what was copied when the columns of feature ${feature} went`,
    detail: changed
      .map(({ table, checksum }) => `${table}: copied ${expected[table] ?? ''}, holds ${checksum} (rows:checksum).`)
      .join('\n'),
    hint: `Somebody has changed it since. Bring it back from a backup of the database, then run the same command again. If what it holds is what shall be restored: update unship.runs set checksums = '{}' where id = ${id}.`,
  })
}
