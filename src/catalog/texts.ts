import type { Address } from './dependency.ts'
import type { Oid } from './fragments.ts'
import { literal } from '../sql.ts'

/** What is run where a definition is evaluated: the query of a view, or the body of a function. */
export interface Text {
  /** Catalog key of the definition. */
  readonly of: string
  readonly objid: Oid
  /** Of a function its signature, of a view its name. */
  readonly name: string
  readonly text: string
  /** PostgreSQL has parsed it, and keeps names of its own for what it speaks of. */
  readonly parsed: boolean
  /** It has values that are identifiers of catalog rows, which PostgreSQL shows as names. */
  readonly identifiers: boolean
}

/** Types of what PostgreSQL renames for others when we rename a table, its indexes, sequences or functions. */
const IDENTIFIERS = ['regclass', 'regtype', 'regproc', 'regprocedure', 'regoper', 'regoperator']

const catalog = (name: string) => `'pg_catalog.${name}'::pg_catalog.regclass::pg_catalog.oid`

/** Whether a parsed query or body has an expression of such a type. */
const hasIdentifiers = (tree: string) => `coalesce(${tree}::text ~ (
      select ':[a-z]*type (?:' || pg_catalog.string_agg(t.oid || '|' || t.typarray, '|') || ')[ })]' from pg_catalog.pg_type t
      where t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace and t.typname in (${IDENTIFIERS.map((type) => `'${type}'`).join(', ')})), false)`

/**
 * The texts that evaluating some definitions runs: materialized views, defaults, checks, indexes, and types of columns. Those of
 * users' functions and of views, followed through whatever pg_depend knows, and from a function's string through the functions
 * that it calls by name.
 */
export function textQuery(roots: readonly Address[]): string {
  if (roots.length === 0) return 'select null where false'
  const values = roots.map(
    ({ catalog: name, objid, objsubid }) =>
      `(${literal(`${name}:${objid}:${String(objsubid)}`)}, ${catalog(name)}, ${objid}::pg_catalog.oid, ${String(objsubid)})`,
  )
  return `
  select * from (
  with recursive own as materialized (
    select p.oid, p.proname, p.prosrc, p.prosqlbody from pg_catalog.pg_proc p
    join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname not in ('internal', 'c')
    where p.oid >= 16384 and p.prokind <> 'a' and not exists (select from pg_catalog.pg_depend d
      where d.classid = ${catalog('pg_proc')} and d.objid = p.oid and d.deptype = 'e')),
  used(key, classid, objid, objsubid) as (
    select * from (values ${values.join(', ')}) root(key, classid, objid, objsubid)
    union
    select u.key, n.classid, n.objid, 0 from used u cross join lateral (
      /* what it depends on; of a relation, a column and an index are evaluated */
      select d.refclassid as classid, d.refobjid as objid from pg_catalog.pg_depend d
      where d.classid = u.classid and d.objid = u.objid and d.objsubid = u.objsubid
        and (d.refclassid in (${['pg_proc', 'pg_operator', 'pg_type'].map(catalog).join(', ')})
          or d.refclassid = ${catalog('pg_class')} and u.classid in (${catalog('pg_rewrite')}, ${catalog('pg_proc')})
            and exists (select from pg_catalog.pg_class c where c.oid = d.refobjid and c.relkind = 'v'))
      union all
      /* the query of a view */
      select ${catalog('pg_rewrite')}, w.oid from pg_catalog.pg_rewrite w
      where u.classid = ${catalog('pg_class')} and u.objsubid = 0 and w.ev_class = u.objid and w.rulename = '_RETURN'
      union all
      /* the checks of a domain */
      select ${catalog('pg_constraint')}, k.oid from pg_catalog.pg_constraint k
      where u.classid = ${catalog('pg_type')} and k.contypid = u.objid
      union all
      /* what a string calls */
      select ${catalog('pg_proc')}, o.oid from own p join own o on o.oid <> p.oid
      where u.classid = ${catalog('pg_proc')} and p.oid = u.objid and p.prosqlbody is null
        /* names first, as they are cheaper to look for; not by CASE, of which the planner takes half to be true and clears memory for it */
        and pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(o.proname)) > 0
        and p.prosrc ~* ('\\m' || pg_catalog.regexp_replace(o.proname, '(\\W)', '\\\\\\1', 'g') || '\\M"?\\s*\\(')) n)
  select u.key as of, p.oid as objid, p.oid::pg_catalog.regprocedure::text as name,
    coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as text, p.prosqlbody is not null as parsed,
    ${hasIdentifiers('p.prosqlbody')} as identifiers
  from used u join own p on u.classid = ${catalog('pg_proc')} and p.oid = u.objid
  union all
  select u.key, w.ev_class, w.ev_class::pg_catalog.regclass::text, pg_catalog.pg_get_viewdef(w.ev_class), true,
    ${hasIdentifiers('w.ev_action')}
  from used u join pg_catalog.pg_rewrite w on u.classid = ${catalog('pg_rewrite')} and w.oid = u.objid) texts`
}
