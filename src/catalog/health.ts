import { literal, qualified, type QualifiedName } from '../sql.ts'
import { oidArray, type Oid } from './fragments.ts'

/*
 * Questions about a database in which features were removed or restored. None of
 * them needs a table of a feature, so they can be asked before, between and after.
 */

const names = (tables: readonly QualifiedName[]) =>
  tables.map((t) => `(pg_catalog.to_regclass(${literal(qualified(t))}))`).join(', ')

/** Foreign keys to or from tables that keep what was removed: they would go on blocking or deleting. */
export const foreignKeysOfKeptQuery = (tables: readonly QualifiedName[]): string => `
  select k.conname as name, k.conrelid::pg_catalog.regclass::text as table
  from pg_catalog.pg_constraint k join (values ${names(tables)}) t(oid) on t.oid in (k.conrelid, k.confrelid)
  where k.contype = 'f'`

/** Whoever else may read what is kept. */
export const readersOfKeptQuery = (tables: readonly QualifiedName[]): string => `
  select c.oid::pg_catalog.regclass::text as table, case a.grantee when 0 /* public */ then 'PUBLIC' else pg_catalog.pg_get_userbyid(a.grantee) end as role
  from (values ${names(tables)}) t(oid) join pg_catalog.pg_class c on c.oid = t.oid
  cross join lateral pg_catalog.aclexplode(c.relacl) a
  where a.grantee <> c.relowner group by 1, 2`

/** Indexes of some tables that no query uses; those that are being built now left out. */
export const invalidIndexesQuery = (tables: readonly QualifiedName[]): string => `
  select i.indexrelid::pg_catalog.regclass::text as name, i.indrelid::pg_catalog.regclass::text as table
  from pg_catalog.pg_index i join (values ${names(tables)}) t(oid) on t.oid = i.indrelid
  where not (i.indisvalid and i.indisready)
    and not exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = i.indexrelid)`

/** Constraints of some tables that were not checked for every row. */
export const unvalidatedQuery = (tables: readonly QualifiedName[]): string => `
  select n.nspname || '.' || c.relname || '.' || k.conname as identity
  from pg_catalog.pg_constraint k join (values ${names(tables)}) t(oid) on t.oid = k.conrelid
  join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where not k.convalidated`

/** What only a run that is under way has: hidden columns, its triggers, its tables and functions. */
export const leftoversQuery = (ledgerSchema: string): string => `
  select 'column ' || a.attrelid::pg_catalog.regclass::text || '.' || a.attname as what from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm') and c.relnamespace <> coalesce(pg_catalog.to_regnamespace(${literal(ledgerSchema)}), 0::pg_catalog.oid)
  where a.attname like 'unship\\_hidden\\_%' and not a.attisdropped
  union all
  select 'trigger ' || t.tgname || ' on ' || t.tgrelid::pg_catalog.regclass::text from pg_catalog.pg_trigger t
  where t.tgname ~ '^~?unship_' and not t.tgisinternal
  union all
  select 'relation ' || c.oid::pg_catalog.regclass::text from pg_catalog.pg_class c
  where (c.relname like 'unship\\_hidden\\_%' and c.relkind in ('m', 'S'))
    or (c.relnamespace = pg_catalog.to_regnamespace(${literal(ledgerSchema)}) and c.relkind = 'r'
      and c.relname not in ('runs', 'objects', 'statements', 'events'))
  union all
  select 'function ' || p.oid::pg_catalog.regprocedure::text from pg_catalog.pg_proc p
  where p.pronamespace = pg_catalog.to_regnamespace(${literal(ledgerSchema)})`

/** Functions in SQL and PL/pgSQL, whose texts PostgreSQL checks only when they are created or called. */
export const checkedRoutinesQuery = `
  select p.oid, p.oid::pg_catalog.regprocedure::text as function, l.lanname as language, p.prosrc,
    (select pg_catalog.substr(c, pg_catalog.length('search_path=') + 1) from pg_catalog.unnest(p.proconfig) c
      where c like 'search\\_path=%') as path
  from pg_catalog.pg_proc p
  join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  where pg_catalog.has_function_privilege(p.oid, 'EXECUTE') and pg_catalog.has_language_privilege(l.oid, 'USAGE')
    and not exists (select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e')`

/** Asks the language's own validator about a function's text, as CREATE FUNCTION does; changes nothing. */
export function validateRoutine(oid: Oid, language: 'sql' | 'plpgsql'): string {
  const validator = language === 'sql' ? 'fmgr_sql_validator' : 'plpgsql_validator'
  return `select pg_catalog.${validator}((${oidArray([oid])})[1])`
}
