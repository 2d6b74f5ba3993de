import type { Relation } from '../../../catalog/relation.ts'
import type { LedgerStatement, RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import type { HostPlan } from '../../../plan/plan.ts'
import { qualified } from '../../../sql.ts'

/** ADD COLUMN that gives a value to rows that are there: PostgreSQL does not give it to those that columns of other tables store. */
const WITH_VALUES = / (?:default .+|generated always as .+ stored)$/s

/** Reasons against adding columns to a host table, or to one of its partitions, that others have come to store rows of. */
export function storedReasons(
  { rewrites }: RecordedPlan,
  { table }: HostPlan,
  { relkind, stored_in, ...relation }: Relation,
  statements: readonly LedgerStatement[],
): string[] {
  const add = `alter table ${qualified(table)} add column `
  const withValues =
    rewrites?.add === true || statements.some(({ sql }) => sql.startsWith(add) && WITH_VALUES.test(sql))
  // a partitioned table has no rows of its own
  if (relkind === 'p' || !withValues) return []
  const name = shown({ schema: relation.nspname, name: relation.relname })
  return stored_in.map(
    (other) =>
      `column ${shown(other)}.${other.column} stores rows of ${name}, to which no column with a value can be added`,
  )
}
