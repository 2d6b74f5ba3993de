import type { AnyKysely } from '../../any-kysely.ts'
import { describeDatabase, type Description } from '../../catalog/describe.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'

/** The present definitions of what a removal had taken. */
export async function currentDescription(db: AnyKysely, plan: RecordedPlan): Promise<Description> {
  const all = await describeDatabase(db)
  return Object.fromEntries(Object.entries(all).filter(([identity]) => identity in plan.described))
}
