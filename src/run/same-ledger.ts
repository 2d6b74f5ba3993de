import type { AnyKysely } from '../any-kysely.ts'
import { ledgerOid } from '../ledger/ledger.ts'
import type { RecordedPlan } from '../ledger/recorded.ts'
import { literal } from '../sql.ts'
import { row } from './query.ts'

/** Whether the identifiers that a plan recorded are those of this database still: one that came from a dump has others. */
export async function isSameLedger(db: AnyKysely, { ledger }: Pick<RecordedPlan, 'ledger'>): Promise<boolean> {
  if (ledger === undefined) return false
  return (await row<{ same: boolean }>(db, `select ${ledgerOid} = ${literal(ledger)} as same`)).same
}
