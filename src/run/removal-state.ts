import { UnshipError } from '../errors.ts'
import { finishRun, recordEvent, type LedgerRun, type RecordedPlan } from '../ledger/ledger.ts'
import { backupsOf, sealBackups } from './backups.ts'
import type { RunContext } from './context.ts'
import { runTogether } from './query.ts'
import type { BackupReport } from './report.ts'
import { readShapes, sealStatements } from './shapes.ts'

/** The plan that a run's row keeps. */
export function planOf(run: LedgerRun): RecordedPlan {
  if (run.plan) return run.plan
  throw new UnshipError({
    code: 'wrong_state',
    message: `run ${run.id} of feature ${run.feature} has no plan in the ledger`,
    detail: 'Its row in unship.runs was changed.',
    hint: 'Restore the ledger from a backup of the database.',
  })
}

/** Seals the backups of a removal that is past its cut-over, and closes its run. */
export async function finishRemoval(
  context: RunContext,
  removal: Pick<LedgerRun, 'id' | 'plan' | 'feature'>,
): Promise<BackupReport[]> {
  const plan = planOf(removal as LedgerRun)
  const backups = await sealBackups(context.db, backupsOf(plan))
  const checksums = Object.fromEntries(backups.map((b) => [b.table, b.checksum]))
  const shapes = await readShapes(context.db, plan)
  const statements = await sealStatements(context.db, removal.id)
  const report = { backups, shapes, statements, phases: context.phases, warnings: context.warnings }
  await runTogether(context.db, [
    finishRun(removal.id, 'done', { checksums, report }),
    recordEvent(removal.id, 'removed', { backups }),
  ])
  return backups
}
