import { dollarQuote, literal, literalOrNull } from '../sql.ts'
import { OTHER_MEANING } from '../sql-states.ts'

/*
 * What a definition means, apart from its text. A view or policy with an alias list over a
 * host table (`contacts c(a, b)`) prints the same text after the host's columns changed
 * places, and yet means other columns.
 */

/** Names of the columns that some dependencies point to; `from` gives `d`, a pg_depend row, and a condition. */
const columnsUsed = (from: string) => `(
      select pg_catalog.string_agg(u.name, ', ' order by u.name) from (
        select distinct pg_catalog.format('%s.%I', d.refobjid::pg_catalog.regclass, a.attname) as name
        from ${from}
          and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjsubid > 0) u)`

const columnOf = 'join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid'

/** An SQL expression: the columns that a view's query reads, its own left out. */
export const meaningOfView = (oid: string): string =>
  columnsUsed(`pg_catalog.pg_rewrite w
        join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
        ${columnOf}
        where w.ev_class = ${oid} and w.rulename = '_RETURN' and d.refobjid <> ${oid}`)

const columnsUsedBy = (catalog: string) => (oid: string) =>
  columnsUsed(`pg_catalog.pg_depend d
        ${columnOf}
        where d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass and d.objid = ${oid}`)

/** The same of a function whose body PostgreSQL parses when it is created (BEGIN ATOMIC). */
export const meaningOfRoutine = columnsUsedBy('pg_proc')
export const meaningOfPolicy = columnsUsedBy('pg_policy')
export const meaningOfRule = columnsUsedBy('pg_rewrite')

/** Tables whose row types are what called functions return, or constants and rows are cast to. */
const rowTypes = (from: string) => `coalesce((
      select pg_catalog.json_agg(distinct o.typrelid) from ${from}
      left join pg_catalog.pg_proc f on d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and f.oid = d.refobjid
      join pg_catalog.pg_type t on t.oid = case when f.oid is not null then f.prorettype
        when d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass then d.refobjid end
      join pg_catalog.pg_type o on o.oid in (t.oid, t.typelem, t.typbasetype) and o.typrelid <> 0), '[]')`

/** An SQL expression: the tables of whose rows a view's query speaks without reading the tables. */
export const rowTypesOfView = (oid: string): string =>
  rowTypes(`pg_catalog.pg_rewrite w
        join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid and w.ev_class = ${oid}`)

/** The same of a function's body, arguments and result. */
export const rowTypesOfRoutine = (oid: string): string =>
  rowTypes(`(select x.* from pg_catalog.pg_depend x
        where x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and x.objid = ${oid}) d`)

/** A statement that fails where a recreated object means other columns than it did. */
export const demandMeaning = (what: string, expression: string, expected: string | null): string => {
  const body = `begin
  if ${expression} is distinct from ${literalOrNull(expected)} then
    raise exception using message = ${literal(`${what} would mean other columns than before`)}, errcode = '${OTHER_MEANING}';
  end if;
end`
  return `do ${dollarQuote(body, 'meaning')}`
}
