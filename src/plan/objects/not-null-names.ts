import { literal, qualified } from '../../sql.ts'
import type { RemovalPlan } from '../plan.ts'

/** As of this major a NOT NULL constraint has a name, which every dump tells unless PostgreSQL would have chosen it. */
const NAMED_SINCE = 18

/** Whether the removal's server gave no name and the restore's does: after an upgrade while the feature was away. */
export const namesNotNulls = (removedOn: number, restoredOn: number): boolean =>
  removedOn < NAMED_SINCE && restoredOn >= NAMED_SINCE

/**
 * Such constraints are named after a hidden column, or after a backup: they are given the name that they would have, had the
 * feature been there all the time. Partitions' are renamed with their parent's, whose name they have where they were made with it;
 * where one has a name of its own, PostgreSQL lets nobody rename any of them.
 */
export function nameNotNulls({ hosts, moved }: Pick<RemovalPlan, 'hosts' | 'moved'>): string[] {
  const renamed = [
    ...hosts.flatMap(({ table, columns }) =>
      columns.map((c) => ({ table, before: table.name, column: c.name, hidden: c.hidden })),
    ),
    ...moved.map(({ table, backup }) => ({ table, before: backup.name, column: null, hidden: null })),
  ]
  if (renamed.length === 0) return []
  const text = (value: string | null) => (value === null ? 'null' : literal(value))
  const values = renamed.map(
    (r) => `(${[qualified(r.table), r.table.name, r.before, r.column, r.hidden].map(text).join(', ')})`,
  )
  return [
    `do $names$
declare
  c record;
begin
  for c in
    select k.conrelid::pg_catalog.regclass as relation, k.conname, n.name
    from (values ${values.join(', ')}) w(relation, "table", before, "column", hidden)
    join pg_catalog.pg_constraint k on k.conrelid = pg_catalog.to_regclass(w.relation) and k.contype = 'n' and k.coninhcount = 0
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    cross join lateral (select pg_catalog.concat(w."table", '_', a.attname, '_not_null') as name) n
    where a.attname = coalesce(w."column", a.attname)
      and k.conname = pg_catalog.concat(w.before, '_', coalesce(w.hidden, a.attname::text), '_not_null')
      and pg_catalog.octet_length(n.name) <= pg_catalog.current_setting('max_identifier_length')::int
      and not exists (
        with recursive below(oid) as (
          select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = k.conrelid
          union select i.inhrelid from below b join pg_catalog.pg_inherits i on i.inhparent = b.oid)
        select from below b where not k.connoinherit and (
          exists (select from pg_catalog.pg_constraint o where o.conrelid = b.oid and o.conname = n.name)
          or not exists (select from pg_catalog.pg_constraint o
            join pg_catalog.pg_attribute own on own.attrelid = b.oid and own.attname = a.attname and own.attnum = o.conkey[1]
            where o.conrelid = b.oid and o.contype = 'n' and o.conname = k.conname
              and o.coninhcount = (select pg_catalog.count(*) from pg_catalog.pg_inherits i
                where i.inhrelid = b.oid and (i.inhparent = k.conrelid or i.inhparent in (select oid from below))))))
      and not exists (select from pg_catalog.pg_constraint o where o.conrelid = k.conrelid and o.conname = n.name)
  loop
    execute pg_catalog.format('alter table %s rename constraint %I to %I', c.relation, c.conname, c.name);
  end loop;
end $names$`,
  ]
}
