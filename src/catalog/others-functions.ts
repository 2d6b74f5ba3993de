/** A function that belongs to no superuser, and that a superuser's session runs where it reads or writes rows of some tables. */
export interface OthersFunction {
  /** As ALTER ROUTINE calls it. */
  readonly identity: string
  readonly owner: string
  /** What calls it. */
  readonly callers: readonly string[]
  /** The superuser. */
  readonly me: string
}

const catalog = (name: string) => `'pg_catalog.${name}'::pg_catalog.regclass::pg_catalog.oid`
/** An array, which the planner takes to be short: joined, it would reckon with millions of rows, and clear memory for as many. */
const CONCERNED = 'any (array(select c.oid from concerned c))'
const CALLED = ['pg_proc', 'pg_operator', 'pg_type'].map(catalog).join(', ')

/**
 * What checks, defaults, generated columns, indexes, partition keys, conditions of triggers and domains of some tables call, as far as
 * it is not a superuser's. What a superuser's own function calls is for that superuser to know. Of other sessions it finds nothing.
 *
 * @param tables SQL: a query of their identifiers
 */
export const othersFunctionsQuery = (tables: string): string => `
  with recursive concerned(oid) as materialized (${tables}),
  evaluated(rootclass, rootid, rootsub, classid, objid) as (
    (select r.classid, r.objid, 0, r.classid, r.objid from (
      select ${catalog('pg_constraint')}, k.oid from pg_catalog.pg_constraint k where k.conrelid = ${CONCERNED} and k.contype = 'c'
      union all
      select ${catalog('pg_attrdef')}, d.oid from pg_catalog.pg_attrdef d where d.adrelid = ${CONCERNED}
      union all
      select ${catalog('pg_class')}, i.indexrelid from pg_catalog.pg_index i where i.indrelid = ${CONCERNED}
      union all
      select ${catalog('pg_trigger')}, g.oid from pg_catalog.pg_trigger g where g.tgrelid = ${CONCERNED} and not g.tgisinternal
    ) r(classid, objid)
    union all
    /* of a table its partition key, of a column its type; to PostgreSQL 14 how it is generated, too */
    select d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid from pg_catalog.pg_depend d
    where d.classid = ${catalog('pg_class')} and d.objid = ${CONCERNED} and d.refclassid in (${CALLED}))
    union
    select e.rootclass, e.rootid, e.rootsub, n.classid, n.objid from evaluated e cross join lateral (
      select d.refclassid, d.refobjid from pg_catalog.pg_depend d
      where e.classid <> ${catalog('pg_proc')} and d.classid = e.classid and d.objid = e.objid and d.refclassid in (${CALLED})
      union all
      /* the checks of a domain */
      select ${catalog('pg_constraint')}, k.oid from pg_catalog.pg_constraint k where e.classid = ${catalog('pg_type')} and k.contypid = e.objid
    ) n(classid, objid)
  )
  select p.oid::pg_catalog.regprocedure::text as identity, r.rolname as owner, current_user as me,
    pg_catalog.json_agg(distinct pg_catalog.pg_describe_object(e.rootclass, e.rootid, e.rootsub)) as callers
  from evaluated e join pg_catalog.pg_proc p on e.classid = ${catalog('pg_proc')} and p.oid = e.objid
  join pg_catalog.pg_roles r on r.oid = p.proowner
  /* a trigger's own function does not run for our writes */
  where not r.rolsuper and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype
    and (select m.rolsuper from pg_catalog.pg_roles m where m.rolname = current_user)
  group by p.oid, r.rolname`
