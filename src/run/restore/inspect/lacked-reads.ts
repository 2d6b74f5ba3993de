import type { AnyKysely } from '../../../any-kysely.ts'
import { mayRead, readThrough } from '../../../catalog/reads.ts'
import { readJson } from '../../../catalog/read.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import type { Lack } from '../../../plan/refusals/lacks.ts'
import { unreadable } from '../../../plan/unchanged/reads.ts'
import { literal } from '../../../sql.ts'

/**
 * What owners of materialized views may not read any more of what these are filled from, and owners of views that stay, through which
 * they are. What is not there is told elsewhere, or comes back with the feature.
 */
export async function lackedReads(
  db: AnyKysely,
  { reads = [] }: Pick<RecordedPlan, 'reads'>,
  { major, current_user: me }: { readonly major: number; readonly current_user: string },
): Promise<Lack[]> {
  if (reads.length === 0) return []
  const asked = reads.map(({ filler, reader, table, columns, whole = false }, n) => ({
    ...{ n, filler, reader, ...table, columns, whole },
  }))
  const found = await readJson<{ n: number; reader: string; schema: string; name: string }>(
    db,
    `with recursive asked as materialized (
      select w.n, w.whole, f.oid as filler, o.oid as reader, c.oid as relid, array(
        select a.attnum::int from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = any (w.columns) and not a.attisdropped) as attnums
      from pg_catalog.json_to_recordset(${literal(JSON.stringify(asked))}) w(n int, filler text, reader text, schema text, name text, columns text[], whole bool)
      join pg_catalog.pg_namespace s on s.nspname = w.schema join pg_catalog.pg_class c on c.relnamespace = s.oid and c.relname = w.name
      join pg_catalog.pg_roles f on f.rolname = w.filler join pg_catalog.pg_roles o on o.rolname = w.reader),
    ${readThrough('select w.n, w.filler, null::pg_catalog.oid, w.reader, w.relid, w.attnums from asked w', major)}
    select distinct r.root as n, o.rolname as reader, s.nspname as schema, c.relname as name
    from read r join pg_catalog.pg_class c on c.oid = r.relid join pg_catalog.pg_namespace s on s.oid = c.relnamespace
    join pg_catalog.pg_roles o on o.oid = r.reader
    where not ${mayRead('r')} or r.through is null and not pg_catalog.has_table_privilege(r.reader, r.relid, 'SELECT')
      and exists (select from asked w where w.n = r.root and w.whole)
    order by 1, 2, 3, 4`,
  )
  return found.flatMap(({ n, reader, ...table }) => {
    const view = reads[n]?.view
    return view ? [unreadable({ view, reader, table }, me)] : []
  })
}
