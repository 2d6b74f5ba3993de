import { readJson } from '../../catalog/read.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'
import { hiddenName } from '../../names.ts'
import { literal } from '../../sql.ts'
import type { RunContext } from '../context.ts'

/**
 * Tells of publications that send hidden columns: somebody has made or altered them since the restore took these out (SET TABLE names all
 * tables anew, without column lists). A subscriber that was sent such a column has stopped: it knows columns by their name.
 */
export async function warnOfLatePublications(context: RunContext, plan: RecordedPlan): Promise<void> {
  for (const { table, columns } of plan.hosts) {
    const hidden = columns.map((c) => literal(hiddenName(c.name)))
    if (hidden.length === 0) continue
    const found = await readJson<{ name: string }>(
      context.db,
      // PostgreSQL 14, where a published host table is refused, does not tell of columns
      `select t.pubname as name from pg_catalog.pg_publication_tables t
       where t.schemaname = ${literal(table.schema)} and t.tablename = ${literal(table.name)}
         and (pg_catalog.to_jsonb(t) -> 'attnames') ?| array[${hidden.join(', ')}] order by 1`,
    )
    for (const { name } of found)
      context.warn(
        `publication ${name} has come to send hidden columns of ${table.name} while the restore was under way: a subscriber that was sent them has stopped`,
      )
  }
}
