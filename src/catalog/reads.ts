import type { Oid } from './fragments.ts'

/*
 * Whoever fills a materialized view needs the privileges of its owner on what its query selects from, and those of the owners of the
 * views that it goes through. Dependences do not tell: a column of a function's result is one of a table too. What PostgreSQL asks
 * for stands in the parsed query.
 */

/** Something that filling a materialized view selects from. */
export interface Read {
  readonly view: Oid
  /** The role that fills it: its owner. */
  readonly filler: string
  /** The view whose query selects: that one, or one that it goes through. */
  readonly through: Oid
  /** The role that is asked for privileges. */
  readonly reader: string
  readonly relid: Oid
  readonly schema: string
  readonly name: string
  /** None where those of any will do, as for `count(*)`. */
  readonly columns: readonly { readonly attnum: number; readonly attname: string }[]
  /** SELECT on the whole of it. */
  readonly whole: boolean
  readonly held: boolean
}

/** Before an identifier that privileges are asked on. */
const asked = (major: number) => (major >= 16 ? '{RTEPERMISSIONINFO :relid ' : ':rtekind 0 :relid ')

/** SQL: what a view's query selects from, and the numbers of the columns, 0 for the whole row. */
const selected = (action: string, major: number): string => `
      select pg_catalog.substring(q.text, '^\\d+')::pg_catalog.oid as relid, array(
        /* system columns come first */
        select b.n::int - 7 from pg_catalog.unnest(pg_catalog.string_to_array(
          pg_catalog.btrim(pg_catalog.substring(q.text, ':selectedCols \\(b([ \\d]*)\\)')), ' ')) b(n)) as attnums
      from pg_catalog.unnest(pg_catalog.string_to_array(${action}::text, '${asked(major)}')) with ordinality q(text, n)
      where q.n > 1 and pg_catalog.substring(q.text, ':requiredPerms (\\d+)')::pg_catalog.int8 & 2 <> 0`

const queryOf = (relation: string, major: number): string => `pg_catalog.pg_rewrite w
    cross join lateral (${selected('w.ev_action', major)}) s where w.ev_class = ${relation} and w.rulename = '_RETURN'`

/** SQL: a view is read with the privileges of whoever reads it. */
const isInvokers = (options: string): string => `coalesce((select o.option_value::bool
    from pg_catalog.pg_options_to_table(${options}) o where o.option_name = 'security_invoker'), false)`

/**
 * SQL for WITH RECURSIVE: `read`, which begins with rows of `first`, goes on through views.
 *
 * @param first SQL: what it is for, the role that fills, the view whose query selects, the role that is asked, what it selects from,
 * and the numbers of the columns
 */
export const readThrough = (
  first: string,
  major: number,
): string => `read(root, filler, through, reader, relid, attnums) as (
    ${first}
    union
    select r.root, r.filler, v.oid, case when ${isInvokers('v.reloptions')} then r.filler else v.relowner end, s.relid, s.attnums
    from read r join pg_catalog.pg_class v on v.oid = r.relid and v.relkind = 'v' cross join lateral (
      select s.relid, s.attnums from ${queryOf('v.oid', major)}) s)`

/** SQL: an attribute of one that is read, of those that are. */
const isRead = (attribute: string, read: string): string =>
  `${attribute}.attrelid = ${read}.relid and not ${attribute}.attisdropped
        and (${attribute}.attnum = any (${read}.attnums) or 0 = any (${read}.attnums) and ${attribute}.attnum > 0)`

/** SQL: whether the role has the privileges that it is asked for. */
export const mayRead = (
  read: string,
): string => `(pg_catalog.has_table_privilege(${read}.reader, ${read}.relid, 'SELECT')
      or case when pg_catalog.cardinality(${read}.attnums) = 0 then pg_catalog.has_any_column_privilege(${read}.reader, ${read}.relid, 'SELECT')
        else not exists (select from pg_catalog.pg_attribute a where ${isRead('a', read)}
          and not pg_catalog.has_column_privilege(${read}.reader, a.attrelid, a.attnum, 'SELECT')) end)`

/** Of materialized views that are filled: what they select from, through whatever views. */
export const readQuery = (views: readonly Oid[], major: number): string => `
  with recursive ${readThrough(
    `select v.oid, v.relowner, v.oid, v.relowner, s.relid, s.attnums
    from pg_catalog.pg_class v cross join lateral (select s.relid, s.attnums from ${queryOf('v.oid', major)}) s
    where v.oid in (${['0', ...views].join(', ')}) and v.relkind = 'm' and v.relispopulated`,
    major,
  )}
  select r.root as view, f.rolname as filler, r.through, o.rolname as reader, r.relid, n.nspname as schema, c.relname as name,
    coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object('attnum', a.attnum, 'attname', a.attname) order by a.attnum)
      from pg_catalog.pg_attribute a where ${isRead('a', 'r')}), '[]') as columns,
    pg_catalog.has_table_privilege(r.reader, r.relid, 'SELECT') as whole, ${mayRead('r')} as held
  from read r join pg_catalog.pg_class c on c.oid = r.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_roles f on f.oid = r.filler join pg_catalog.pg_roles o on o.oid = r.reader
  order by r.root, n.nspname, c.relname, o.rolname`
