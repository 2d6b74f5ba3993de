import type { AnyKysely } from '../../any-kysely.ts'
import { restoredParents, type Orphans } from '../../plan/data/set-aside.ts'
import type { HostPlan, MovedForeignKey, MovedPlan } from '../../plan/plan.ts'
import type { QualifiedName } from '../../sql.ts'
import { beforeReveal, comparisonsOf } from './comparisons.ts'

/** The rows of a returning table that a foreign key of its finds no parent for, by the names that both tables have at the moment. */
export async function orphansOf(
  db: AnyKysely,
  table: MovedPlan,
  key: MovedForeignKey,
  at: { readonly moved: readonly MovedPlan[]; readonly hosts: readonly HostPlan[]; readonly revealed: boolean },
): Promise<Orphans> {
  const { moved, hosts, revealed } = at
  const host = revealed ? undefined : hosts.find((h) => same(h.table, key.referenced))
  const child = revealed ? table.table : table.backup
  const parent = revealed
    ? key.referenced
    : (moved.find((m) => same(m.table, key.referenced))?.backup ?? key.referenced)
  return {
    ...{ key, child, parent },
    partitioned: table.partitioned ?? false,
    comparisons: await comparisonsOf(db, key, (column) => ({ table: child, column }), beforeReveal(host, parent)),
    parents: host ? restoredParents(host, key) : null,
  }
}

export const same = (a: QualifiedName, b: QualifiedName) => a.schema === b.schema && a.name === b.name
