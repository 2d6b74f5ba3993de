import type { AnyKysely } from '../../any-kysely.ts'
import type { LedgerStatement, RecordedPlan } from '../../ledger/recorded.ts'
import { shown } from '../../plan/model.ts'
import type { PlannedLock } from '../../plan/plan.ts'
import { isMember, lockHost } from '../../plan/tree.ts'
import { row } from '../query.ts'

/** The partition of a host table that a statement is about. */
function memberOf({ hosts }: RecordedPlan, { relations }: LedgerStatement) {
  for (const host of hosts) {
    const member = host.members?.find((m) => shown(m) === relations[0])
    if (member) return { host, member }
  }
  return null
}

/** Of a partition others are not locked: where there are thousands, each would lock them all. */
export function locksFor(plan: RecordedPlan, statement: LedgerStatement): readonly PlannedLock[] {
  const found = memberOf(plan, statement)
  return found ? [{ ...lockHost(found.host), member: found.member }] : plan.locks.add
}

/** An index of a partition that has gone since is not built. */
export async function isThere(db: AnyKysely, plan: RecordedPlan, statement: LedgerStatement): Promise<boolean> {
  const of = memberOf(plan, statement)
  if (!of) return true
  const { found } = await row<{ found: boolean }>(db, `select ${isMember(of.host.table, of.member)} as found`)
  return found
}
