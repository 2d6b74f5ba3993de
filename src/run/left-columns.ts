import { readJson } from '../catalog/read.ts'
import type { RecordedPlan } from '../ledger/ledger.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { literal } from '../sql.ts'
import type { RunContext } from './context.ts'

/** Tells of partitions that were detached between add and reveal: they keep the columns under their hidden names. */
export async function warnOfLeftColumns(context: RunContext, plan: RecordedPlan, runId: string): Promise<void> {
  const names = plan.hosts.filter((h) => h.members).flatMap((h) => h.columns.map((c) => c.hidden))
  if (names.length === 0) return
  const found = await readJson<{ table: string; columns: string }>(
    context.db,
    `select a.attrelid::pg_catalog.regclass::text as table, pg_catalog.string_agg(a.attname, ', ' order by a.attnum) as columns
     from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
     where a.attname in (${names.map(literal).join(', ')}) and not a.attisdropped and c.relkind in ('r', 'p')
       /* those of another feature may be on their way back */
       and not exists (select from ${LEDGER_SCHEMA}.runs r where r.state = 'running' and r.direction = 'restore' and r.id <> ${runId})
     group by a.attrelid order by 1`,
  )
  for (const { table, columns } of found)
    context.warn(
      `${table} was detached while the restore was under way, and keeps ${columns}: rename or drop them there`,
    )
}
