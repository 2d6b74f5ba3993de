import { readJson } from '../../catalog/read.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import type { RunContext } from '../context.ts'

/** Tells of what keeps the columns under their hidden names: partitions that were detached, and views that were made, before the reveal. */
export async function warnOfLeftColumns(context: RunContext, plan: RecordedPlan, runId: string): Promise<void> {
  const ofMembers = plan.hosts.filter((h) => h.members).flatMap((h) => h.columns.map((c) => c.hidden))
  for (const { table, columns } of await readLeft(context, ofMembers, ['r', 'p'], runId))
    context.warn(
      `${table} was detached, or made like its parent, while the restore was under way, and keeps ${columns.join(', ')}: rename or drop them there`,
    )
  const names = new Map(plan.hosts.flatMap((h) => h.columns.map((c) => [c.hidden, c.name])))
  for (const { table, columns, kind, ...view } of await readLeft(context, [...names.keys()], ['v', 'm'], runId)) {
    const alter = `alter ${kind === 'm' ? 'materialized view' : 'view'} ${qualified(view)} rename column`
    const renames = columns.map((hidden) => `${alter} ${id(hidden)} to ${id(names.get(hidden) ?? hidden)}`)
    context.warn(
      `view ${table} was made while the restore was under way, and calls columns by their hidden names: ${renames.join('; ')}`,
    )
  }
}

interface Left extends QualifiedName {
  readonly table: string
  readonly kind: string
  readonly columns: readonly string[]
}

async function readLeft(
  { db }: RunContext,
  hidden: readonly string[],
  relkinds: readonly string[],
  runId: string,
): Promise<Left[]> {
  if (hidden.length === 0) return []
  return await readJson<Left>(
    db,
    `select c.oid::pg_catalog.regclass::text as table, n.nspname as schema, c.relname as name, c.relkind as kind,
       pg_catalog.json_agg(a.attname order by a.attnum) as columns
     from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where a.attname in (${hidden.map(literal).join(', ')}) and not a.attisdropped
       and c.relkind in (${relkinds.map(literal).join(', ')})
       /* those of another feature may be on their way back */
       and not exists (select from ${LEDGER_SCHEMA}.runs r where r.state = 'running' and r.direction = 'restore' and r.id <> ${runId})
     group by c.oid, n.nspname order by 1`,
  )
}
