import { dollarQuote, literal, qualified, type QualifiedName } from '../../sql.ts'
import { OTHER_PUBLICATIONS } from '../../sql-states.ts'

/** A publication that names a table. */
export interface Naming {
  readonly table: QualifiedName
  readonly publication: string
}

/** A statement that fails where other publications name these tables than when the run was planned. */
export function demandPublications(tables: readonly QualifiedName[], expected: readonly Naming[]): string[] {
  if (tables.length === 0) return []
  const regclass = (table: QualifiedName) => `${literal(qualified(table))}::pg_catalog.regclass::pg_catalog.oid`
  const present = `from pg_catalog.pg_publication_rel g join pg_catalog.pg_publication p on p.oid = g.prpubid
    where g.prrelid in (${tables.map(regclass).join(', ')})`
  const body = `
declare
  other text;
begin${
    // the usual case, and a query that is planned in no time
    expected.length > 0 ? '' : `\n  if not exists (select ${present}) then return; end if;`
  }
  with planned(pubname, relid) as (${
    expected.length === 0
      ? 'select null::text, null::pg_catalog.oid where false'
      : `values ${expected.map((e) => `(${literal(e.publication)}, ${regclass(e.table)})`).join(', ')}`
  }),
  present(pubname, relid) as (
    select p.pubname::text, g.prrelid ${present})
  select pg_catalog.string_agg(pg_catalog.format('%s, of %s', d.pubname, d.relid::pg_catalog.regclass), '; ') into other
  from ((table planned except table present) union all (table present except table planned)) d;
  if other is not null then
    raise exception using message = other, errcode = '${OTHER_PUBLICATIONS}';
  end if;
end`
  return [`do ${dollarQuote(body, 'publications')}`]
}
