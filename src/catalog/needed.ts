import { reached, type Address } from './dependency.ts'

/** Something else that an object cannot be created without, as `pg_identify_object_as_address` names it. */
export interface Needed {
  /** Catalog key of what needs it. */
  readonly dependent: string
  readonly by: string
  readonly description: string
  readonly type: string
  readonly names: readonly string[]
  readonly args: readonly string[]
  /** Of a function, type, or the sequence of a default: whether the session has its privilege, or the role that is asked for it. */
  readonly held?: boolean | null
  /** Of a function: the owner of the materialized view that calls it, with whose privileges that is filled. */
  readonly role?: string | null
  readonly schema?: string | null
  /** Of a column, function, enum or constraint: what a definition may depend on besides its name. */
  readonly state?: string | null
  /** Its address in the catalog: catalog, identifier, number of a column. */
  readonly identity?: string | null
  /** Of an enum: the identifiers of the labels in `state`, as JSON. */
  readonly labels?: string | null
}

/** SQL: the type of a column; volatility and result of a function; the labels of an enum, as JSON; what a constraint demands. */
export const stateOf = (classid: string, objid: string, objsubid: string): string => `case ${classid}
    when 'pg_catalog.pg_class'::pg_catalog.regclass then (
      select pg_catalog.format_type(a.atttypid, null)
        || case when a.attcollation <> t.typcollation then ' collate ' || a.attcollation::pg_catalog.regcollation::text else '' end
      from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
      where a.attrelid = ${objid} and a.attnum = ${objsubid} and ${objsubid} > 0)
    when 'pg_catalog.pg_proc'::pg_catalog.regclass then (
      select case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end
        || coalesce(', returns ' || pg_catalog.pg_get_function_result(p.oid), '')
      from pg_catalog.pg_proc p where p.oid = ${objid})
    when 'pg_catalog.pg_type'::pg_catalog.regclass then (
      select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder)::text from pg_catalog.pg_enum e where e.enumtypid = ${objid})
    when 'pg_catalog.pg_constraint'::pg_catalog.regclass then pg_catalog.pg_get_constraintdef(${objid})
    end`

/** SQL: the identifiers of an enum's labels, in their order, as JSON; null for all else. */
export const labelsOf = (classid: string, objid: string): string =>
  `(select pg_catalog.json_agg(e.oid::text order by e.enumsortorder)::text from pg_catalog.pg_enum e
    where ${classid} = 'pg_catalog.pg_type'::pg_catalog.regclass and e.enumtypid = ${objid})`

/** SQL: an address as `Needed.identity` has it. */
export const identityOf = (classid: string, objid: string, objsubid: string): string =>
  `pg_catalog.concat_ws(':', (select x.relname from pg_catalog.pg_class x where x.oid = ${classid}), ${objid}, ${objsubid})`

/** An index or constraint of the same columns serves as well, whatever it is called; of schemas it is asked anyway. */
const NAMELESS = ['schema', 'index', 'table constraint', 'domain constraint', 'view column', 'rule', 'default value']

/** But a query that groups by a primary key, or names a constraint in ON CONFLICT, is read with that. */
const byQuery = `i.type = 'table constraint' and x.relname in ('pg_rewrite', 'pg_proc', 'pg_policy')`

/** What the default of a column's domain draws from and calls, which rows are given where the column has none of its own. */
const DOMAIN_DEFAULT = `select r.classid, r.objid, r.objsubid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype
    from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid and t.typtype = 'd' and t.typdefaultbin is not null
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid
      and d.refclassid in ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
    where r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and a.attrelid = r.objid and a.attnum = r.objsubid and r.objsubid > 0
      and not a.atthasdef`

/** What the given objects, and everything that hangs on them, depend on besides; without what every database has. */
export const neededQuery = (roots: readonly Address[]): string => `
  select * from (${reached(roots)}
  select distinct x.relname || ':' || d.objid || ':' || d.objsubid as dependent,
    pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) as by,
    pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) as description,
    i.type, pg_catalog.to_jsonb(i.object_names) as names, pg_catalog.to_jsonb(i.object_args) as args,
    case d.refclassid when 'pg_catalog.pg_proc'::pg_catalog.regclass then pg_catalog.has_function_privilege(coalesce(f.role, current_user), d.refobjid, 'EXECUTE')
      when 'pg_catalog.pg_type'::pg_catalog.regclass then pg_catalog.has_type_privilege(d.refobjid, 'USAGE')
      when 'pg_catalog.pg_class'::pg_catalog.regclass then (select pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE, UPDATE')
        from pg_catalog.pg_sequence s where s.seqrelid = d.refobjid and (x.relname = 'pg_attrdef' or d.objsubid > 0)) end as held,
    case d.refclassid when 'pg_catalog.pg_proc'::pg_catalog.regclass then f.role end as role,
    (pg_catalog.pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid)).schema,
    ${stateOf('d.refclassid', 'd.refobjid', 'd.refobjsubid')} as state,
    ${identityOf('d.refclassid', 'd.refobjid', 'd.refobjsubid')} as identity, ${labelsOf('d.refclassid', 'd.refobjid')} as labels
  from reached r
  cross join lateral (
    select d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype from pg_catalog.pg_depend d
    where d.classid = r.classid and d.objid = r.objid and d.objsubid = r.objsubid
    union all
    ${DOMAIN_DEFAULT}) d
  join pg_catalog.pg_class x on x.oid = d.classid
  left join lateral (
    select o.rolname as role from pg_catalog.pg_rewrite w join pg_catalog.pg_class v on v.oid = w.ev_class and v.relkind = 'm'
    join pg_catalog.pg_roles o on o.oid = v.relowner where x.relname = 'pg_rewrite' and w.oid = d.objid) f on true
  cross join lateral pg_catalog.pg_identify_object_as_address(d.refclassid, d.refobjid, d.refobjsubid) i
  where d.refobjid >= 16384 and d.deptype <> 'e'
    and not exists (select from reached o where o.classid = d.refclassid and o.objid = d.refobjid and o.objsubid in (0, d.refobjsubid))
    and (i.type not in (${NAMELESS.map((type) => `'${type}'`).join(', ')}) or ${byQuery})) needed`
