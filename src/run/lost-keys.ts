import type { LedgerRun, RecordedPlan } from '../ledger/ledger.ts'
import { orphansStatement } from '../plan/backup.ts'
import { shown } from '../plan/model.ts'
import { qualified } from '../sql.ts'
import type { RunContext } from './context.ts'
import { countRows } from './copy.ts'
import { row } from './query.ts'

/**
 * Rows are found again by their keys alone. Where most of the backed-up keys are gone and as many rows with other keys
 * have come, keys were probably changed, or the table loaded anew: said before anything changes.
 */
export async function warnOfLostKeys(context: RunContext, removal: LedgerRun, plan: RecordedPlan): Promise<void> {
  for (const host of plan.hosts) {
    const before = removal.host_rows?.[shown(host.table)]
    if (before === undefined) continue
    const counted = await row<{ gone: string; kept: string }>(
      context.db,
      `select (${orphansStatement(host)})::text as gone, (select pg_catalog.count(*) from ${qualified(host.backup)})::text as kept`,
    )
    const [gone, kept] = [Number(counted.gone), Number(counted.kept)]
    if (gone * 2 <= kept) continue
    const inserted = (await countRows(context.db, host)) - (before - gone)
    if (inserted < gone) continue
    context.warn(
      `${String(gone)} of ${String(kept)} backed-up rows of ${shown(host.table)} have no row under their ${host.key.join(', ')} any more, and ${String(inserted)} rows with other keys are there: if keys were changed, or the table loaded anew, their values do not come back by themselves; they stay in the backup`,
    )
  }
}
