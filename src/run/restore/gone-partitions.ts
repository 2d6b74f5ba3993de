import type { Description } from '../../catalog/describe.ts'
import { readJson } from '../../catalog/read.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'
import { asPrinted, literal, qualified, type QualifiedName } from '../../sql.ts'
import type { RunContext } from '../context.ts'

/** Partitions that were detached or dropped meanwhile have taken along what was theirs. */
export async function withoutGonePartitions(
  { db }: RunContext,
  { hosts, described }: RecordedPlan,
): Promise<Description> {
  let kept = described
  for (const { table, members } of hosts) {
    if (!members) continue
    const there = await readJson<{ name: string }>(
      db,
      `select n.nspname || '.' || c.relname as name
       from pg_catalog.pg_partition_tree(pg_catalog.to_regclass(${literal(qualified(table))})) t
       join pg_catalog.pg_class c on c.oid = t.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace`,
    )
    const gone = members.filter((m) => !there.some(({ name }) => name === `${m.schema}.${m.name}`))
    const isGone = ([identity, definition]: [string, unknown]) =>
      gone.some(
        (m) => identity.slice(identity.indexOf(' ') + 1).startsWith(`${m.schema}.${m.name}.`) || isOf(m, definition),
      )
    kept = Object.fromEntries(Object.entries(kept).filter((entry) => !isGone(entry)))
  }
  return kept
}

/** Whether a description of an index or of statistics speaks of the table. */
function isOf(member: QualifiedName, description: unknown): boolean {
  if (description === null || typeof description !== 'object') return false
  if ('table' in description) return description.table === `${member.schema}.${member.name}`
  const definition = 'definition' in description ? description.definition : null
  return (
    typeof definition === 'string' &&
    new RegExp(` ON (?:ONLY )?${asPrinted(member.schema, member.name)} USING `).test(definition)
  )
}
