import { readJson } from '../../catalog/read.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'
import type { PlannedLock } from '../../plan/plan.ts'
import { literal, qualified } from '../../sql.ts'
import type { RunContext } from '../context.ts'

/**
 * The plan without locks on tables that have gone: a partition of a table that a foreign key refers to may, while the key is away. Of
 * everything else that has to be there it was asked before.
 */
export async function withoutGoneLocks({ db }: RunContext, plan: RecordedPlan): Promise<RecordedPlan> {
  const { reveal, attach = [] } = plan.locks
  const ours = new Set([...plan.hosts, ...plan.moved].flatMap((t) => [qualified(t.table), qualified(t.backup)]))
  const others = [...reveal, ...attach].map(({ relation }) => qualified(relation)).filter((name) => !ours.has(name))
  if (others.length === 0) return plan
  const found = await readJson<{ name: string }>(
    db,
    `select w.name from pg_catalog.unnest(array[${others.map(literal).join(', ')}]) w(name) where pg_catalog.to_regclass(w.name) is null`,
  )
  const gone = new Set(found.map(({ name }) => name))
  const there = ({ relation }: PlannedLock) => !gone.has(qualified(relation))
  return { ...plan, locks: { ...plan.locks, reveal: reveal.filter(there), attach: attach.filter(there) } }
}
