import { literal, qualified, type QualifiedName } from '../sql.ts'
import { oidArray, type Oid } from './fragments.ts'

/*
 * Questions about a database in which features were removed or restored. None of
 * them needs a table of a feature, so they can be asked before, between and after.
 */

const names = (tables: readonly QualifiedName[]) =>
  tables.map((t) => `(pg_catalog.to_regclass(${literal(qualified(t))}))`).join(', ')

/** The tables, and all their partitions, as t(oid, of). */
const withPartitions = (tables: readonly QualifiedName[]) => `(
    select k.oid, k.oid from (values ${names(tables)}) k(oid) where k.oid is not null
    union select p.relid, k.oid from (values ${names(tables)}) k(oid) cross join lateral pg_catalog.pg_partition_tree(k.oid) p
  ) t(oid, of)`

/** Foreign keys to or from tables that keep what was removed, or their partitions: they would go on blocking or deleting. */
export const foreignKeysOfKeptQuery = (tables: readonly QualifiedName[]): string => `
  select distinct k.conname as name, k.conrelid::pg_catalog.regclass::text as table
  from pg_catalog.pg_constraint k join ${withPartitions(tables)} on t.oid in (k.conrelid, k.confrelid)
  where k.contype = 'f' and k.conparentid = 0`

/** A role that has privileges on what is kept: the table itself, a column, or a view or function that reads it with its owner's rights. */
export interface Reader {
  readonly table: string
  readonly role: string
  /** null: the table itself. */
  readonly on: string | null
}

/** Whoever else may read what is kept. What a function's string reads is not known. */
export const readersOfKeptQuery = (tables: readonly QualifiedName[]): string => `
  with recursive kept(oid, owner) as (
    select c.oid, c.relowner from ${withPartitions(tables)} join pg_catalog.pg_class c on c.oid = t.oid
  ), reading(kept, owner, classid, objid) as (
    select k.oid, k.owner, 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, k.oid from kept k
    union
    /* the views and rules of what reads it, and the parsed functions */
    select r.kept, r.owner, x.classid, x.objid from reading r
    join pg_catalog.pg_depend d on d.refclassid = r.classid and d.refobjid = r.objid
    cross join lateral (
      select 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid from pg_catalog.pg_rewrite w
      join pg_catalog.pg_class c on c.oid = w.ev_class and c.oid <> r.kept
      where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.oid = d.objid and c.oid not in (select k.oid from kept k)
        and not ('security_invoker=true' = any (coalesce(c.reloptions, '{}')))
      union all
      select d.classid, p.oid from pg_catalog.pg_proc p
      where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = d.objid and p.prosecdef
    ) x(classid, objid)
  ), granted(kept, owner, what, acl) as (
    select r.kept, r.owner, case when c.oid <> r.kept then pg_catalog.pg_describe_object(r.classid, c.oid, 0) || ', which reads it' end, c.relacl
    from reading r join pg_catalog.pg_class c on r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.oid = r.objid
    union all
    select r.kept, r.owner, pg_catalog.pg_describe_object(r.classid, a.attrelid, a.attnum), a.attacl
    from reading r join pg_catalog.pg_attribute a on r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and a.attrelid = r.objid
    where a.attacl is not null and not a.attisdropped
    union all
    select r.kept, r.owner, pg_catalog.pg_describe_object(r.classid, p.oid, 0) || ', which reads it',
      coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    from reading r join pg_catalog.pg_proc p on r.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = r.objid
  )
  select g.kept::pg_catalog.regclass::text as table, g.what as on,
    case a.grantee when 0 /* public */ then 'PUBLIC' else pg_catalog.pg_get_userbyid(a.grantee) end as role
  from granted g cross join lateral pg_catalog.aclexplode(g.acl) a
  where a.grantee <> g.owner group by 1, 2, 3 order by 1, 3, 2 nulls first`

/** Roles that read all tables, and are no superusers; of those with row level security, if they pass over it. */
export const readersOfAllQuery = (tables: readonly QualifiedName[]): string => `
  select c.oid::pg_catalog.regclass::text as table, r.rolname as role
  from (values ${names(tables)}) t(oid) join pg_catalog.pg_class c on c.oid = t.oid
  join pg_catalog.pg_roles r on r.rolcanlogin and not r.rolsuper and pg_catalog.pg_has_role(r.oid, 'pg_read_all_data', 'USAGE')
  where not pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE') and (r.rolbypassrls or not c.relrowsecurity)
  order by 1, 2`

/** A publication by which subscribers get what is kept. */
export interface Publisher {
  readonly table: string
  readonly publication: string
  /** It names the table, its partitions or what it is a partition of; else all tables, or those of a schema. */
  readonly named: boolean
  readonly all: boolean
}

export const publishersOfKeptQuery = (tables: readonly QualifiedName[]): string => `
  select t.of::pg_catalog.regclass::text as table, p.pubname as publication, p.puballtables as all,
    pg_catalog.bool_or(exists (select from pg_catalog.pg_publication_rel r where r.prpubid = p.oid and (r.prrelid = t.oid
      or r.prrelid in (select a.relid from pg_catalog.pg_partition_ancestors(t.oid) a)))) as named
  from ${withPartitions(tables)} join pg_catalog.pg_class c on c.oid = t.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_publication_tables x on x.schemaname = n.nspname and x.tablename = c.relname
  join pg_catalog.pg_publication p on p.pubname = x.pubname
  group by 1, 2, 3 order by 1, 2`

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
      where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e')
  order by p.oid::pg_catalog.regprocedure::text collate pg_catalog."C"`

/** Asks the language's own validator about a function's text, as CREATE FUNCTION does; changes nothing. */
export function validateRoutine(oid: Oid, language: 'sql' | 'plpgsql'): string {
  const validator = language === 'sql' ? 'fmgr_sql_validator' : 'plpgsql_validator'
  return `select pg_catalog.${validator}((${oidArray([oid])})[1])`
}
