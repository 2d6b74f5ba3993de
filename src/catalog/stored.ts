import { oidArray, type Oid } from './fragments.ts'

/*
 * Definitions are printed by the names that types, functions, roles and the like have at the time. As they are stored, they hold
 * identifiers: what is stored the same has not been altered, whatever was renamed.
 */

/** What hangs on tables and has a name there: kind, catalog, its columns for table and name. */
const HANGING = [
  ['constraint', 'pg_constraint', 'conrelid', 'conname'],
  ['trigger', 'pg_trigger', 'tgrelid', 'tgname'],
  ['policy', 'pg_policy', 'polrelid', 'polname'],
  ['rule', 'pg_rewrite', 'ev_class', 'rulename'],
] as const

/** `identity` as in a `Description`, and a hash of what is stored, of some relations and what hangs on them. */
export function storedQuery(relations: readonly Oid[]): string {
  const oids = oidArray(relations)
  const table = (relid: string) => `
      join pg_catalog.pg_class c on c.oid = ${relid} and c.oid = any (${oids}) join pg_catalog.pg_namespace n on n.oid = c.relnamespace`
  return `
  select s.identity, pg_catalog.hashtextextended(s.row::text collate pg_catalog."C", 0)::text as hash from (
    select case c.relkind when 'S' then 'sequence ' else 'table ' end || n.nspname || '.' || c.relname as identity,
      pg_catalog.jsonb_build_array(c.relowner, c.relam, c.reltablespace) as row
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = any (${oids})
    union all
    select 'column ' || n.nspname || '.' || c.relname || '.' || a.attname,
      pg_catalog.jsonb_build_array(a.atttypid, a.atttypmod, a.attcollation, d.adbin)
    from pg_catalog.pg_attribute a ${table('a.attrelid')}
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped
    union all
    select 'index ' || m.nspname || '.' || x.relname,
      pg_catalog.to_jsonb(i) - 'indcheckxmin' || pg_catalog.jsonb_build_object('class', pg_catalog.jsonb_build_array(x.relam, x.reltablespace, x.reloptions))
    from pg_catalog.pg_index i ${table('i.indrelid')}
    join pg_catalog.pg_class x on x.oid = i.indexrelid join pg_catalog.pg_namespace m on m.oid = x.relnamespace
    union all
    select 'statistics ' || m.nspname || '.' || e.stxname, pg_catalog.to_jsonb(e)
    from pg_catalog.pg_statistic_ext e ${table('e.stxrelid')} join pg_catalog.pg_namespace m on m.oid = e.stxnamespace
${HANGING.map(
  ([kind, catalog, relid, name]) => `    union all
    select '${kind} ' || n.nspname || '.' || c.relname || '.' || o.${name}, pg_catalog.to_jsonb(o)
    from pg_catalog.${catalog} o ${table(`o.${relid}`)}`,
).join('\n')}) s`
}

/** Fields of a `Description` that print names of other things. */
export const PRINT_NAMES = 'type collation default definition using check roles owner accessMethod tablespace'.split(
  ' ',
)
