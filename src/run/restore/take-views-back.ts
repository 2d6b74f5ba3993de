import { readStatements } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { unmarkDone } from '../../ledger/entries.ts'
import type { RunContext } from '../context.ts'
import { runTogether } from '../query.ts'
import { planOf } from '../backups/removal-state.ts'

/**
 * Takes away the materialized views that a restore built before it broke off: they hold the rows of that moment. Whether
 * there were any; building them again is the last part of phase `build`.
 */
export async function takeViewsBack({ db }: RunContext, restore: LedgerRun): Promise<boolean> {
  const removalId = restore.removal_id ?? ''
  const first = (await readStatements(db, removalId)).find((s) => s.action === 'materialized view')
  if (!first?.done) return false
  const drops = planOf(restore).takeBack.filter((sql) => sql.startsWith('drop materialized view if exists '))
  await runTogether(db, [...drops, unmarkDone(removalId, first.position)])
  return true
}
