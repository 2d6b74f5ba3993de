import type { LedgerRun, RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import type { RunContext } from '../../context.ts'
import { countKept, countRows, sampleKept } from '../host-rows.ts'

/** Of thousands of rows, so small a part gone means that it is not most of all. */
const SURELY_FEWER = 0.4

/**
 * Rows are found again by their keys alone. Where most of the backed-up keys are gone and as many rows with other keys
 * have come, keys were probably changed, or the table loaded anew: said before anything changes.
 */
export async function warnOfLostKeys(context: RunContext, removal: LedgerRun, plan: RecordedPlan): Promise<void> {
  for (const host of plan.hosts) {
    const before = removal.host_rows?.[shown(host.table)]
    if (before === undefined) continue
    const sample = await sampleKept(context.db, host)
    if (sample.gone < sample.kept * SURELY_FEWER) continue
    const { kept, gone } = await countKept(context.db, host)
    if (gone * 2 <= kept) continue
    const inserted = (await countRows(context.db, host)) - (before - gone)
    if (inserted < gone) continue
    context.warn(
      `${String(gone)} of ${String(kept)} backed-up rows of ${shown(host.table)} have no row under their ${host.key.join(', ')} any more, and ${String(inserted)} rows with other keys are there: if keys were changed, or the table loaded anew, their values do not come back by themselves; they stay in the backup`,
    )
  }
}
