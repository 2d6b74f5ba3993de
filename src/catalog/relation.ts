import { meaningOfView, rowTypesOfView } from './meaning.ts'
import { aclJson, oidArray, relationOrder, strings, type Acl, type Oid, type Scope, type Strings } from './fragments.ts'

/** pg_class.relkind */
export const relkinds = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  i: 'index',
  I: 'partitioned index',
  S: 'sequence',
  t: 'toast table',
  c: 'composite type',
  f: 'foreign table',
} as const
export type Relkind = keyof typeof relkinds

export interface Relation extends Strings {
  readonly oid: Oid
  readonly nspname: string
  readonly relname: string
  readonly relkind: Relkind
  readonly owner: string
  readonly relpersistence: 'p' | 'u' | 't'
  readonly reloptions: readonly string[] | null
  readonly toast_options: readonly string[] | null
  readonly amname: string | null
  readonly tablespace: string | null
  readonly relrowsecurity: boolean
  readonly relforcerowsecurity: boolean
  readonly relreplident: 'd' | 'n' | 'f' | 'i'
  readonly relispartition: boolean
  /** A partition whose DETACH CONCURRENTLY has not ended. */
  readonly detaching: boolean
  /** Such partitions of it, which PostgreSQL does not count as its own any more. */
  readonly detaching_children: readonly string[]
  /** Partitions, or tables that inherit from it. */
  readonly children: readonly Oid[]
  readonly parents: readonly string[]
  readonly typed: boolean
  readonly relispopulated: boolean
  /** Of a materialized view that is: those that are not, and that its query reads, through whatever views and functions. */
  readonly unpopulated_sources: readonly string[]
  readonly viewdef: string | null
  /** Of a view: the columns that it reads, by name. */
  readonly meaning: string | null
  /** Of a view: the comment on the rule that makes it one. */
  readonly rule_comment: string | null
  /** Of a view: tables whose row types it speaks of. */
  readonly row_types: readonly Oid[]
  readonly partition: string | null
  readonly reltype: Oid
  readonly relacl: Acl
  /** Those of its system columns, as `xmin`, on which somebody was granted something. */
  readonly system_columns: readonly { readonly attname: string; readonly attacl: Acl }[]
  readonly description: string | null
  readonly publications: readonly string[]
  /** Subscriptions that write to it. */
  readonly subscriptions: readonly string[]
  /** Columns that store rows of it, as they are or within arrays, domains and composites. */
  readonly stored_in: readonly {
    readonly relid: Oid
    readonly schema: string
    readonly name: string
    readonly column: string
  }[]
  readonly row_security_active: boolean
  readonly owned: boolean
  readonly lockable: boolean
  /** What the session may do with it: `SELECT`, `UPDATE`, … */
  readonly privileges: readonly string[]
  readonly max_attnum: number
}

const storedRows = (type: string) => `coalesce((
      with recursive holder(typid) as (
        select ${type}
        union
        select coalesce(o.reltype, d.objid) from holder h
        join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.refobjid = h.typid
          and d.classid in ('pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_class'::pg_catalog.regclass)
        left join pg_catalog.pg_class o on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and o.oid = d.objid
        where h.typid <> 0 and (o.oid is null or o.relkind = 'c'))
      select pg_catalog.json_agg(distinct pg_catalog.jsonb_build_object('relid', o.oid::text,
        'schema', s.nspname, 'name', o.relname, 'column', m.attname))
      from holder h
      join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.refobjid = h.typid
        and d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid > 0
      join pg_catalog.pg_class o on o.oid = d.objid and o.relkind in ('r', 'p', 'm', 'f')
      join pg_catalog.pg_namespace s on s.oid = o.relnamespace
      join pg_catalog.pg_attribute m on m.attrelid = o.oid and m.attnum = d.objsubid
      where h.typid <> 0), '[]')`

const unpopulatedSources = (view: string) => `coalesce((
      with recursive source(classid, objid) as (
        select 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, ${view}
        union
        select n.classid, n.objid from source s cross join lateral (
          select 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid as classid, w.oid as objid from pg_catalog.pg_rewrite w
          where s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and w.ev_class = s.objid and w.rulename = '_RETURN'
          union all
          select d.refclassid, d.refobjid from pg_catalog.pg_depend d
          where s.classid <> 'pg_catalog.pg_class'::pg_catalog.regclass and d.classid = s.classid and d.objid = s.objid
            and d.refclassid in ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)) n)
      select pg_catalog.json_agg(o.oid::pg_catalog.regclass::text order by ${relationOrder('o.oid')}) from source s
      join pg_catalog.pg_class o on s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and o.oid = s.objid
      where o.relkind = 'm' and not o.relispopulated), '[]')`

export const relationQuery = ({ relations }: Scope): string => `
  select c.oid, n.nspname, c.relname, c.relkind,
    pg_catalog.pg_get_userbyid(c.relowner) as owner,
    c.relpersistence, c.reloptions, t.reloptions as toast_options,
    a.amname, s.spcname as tablespace,
    c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition,
    exists (select from pg_catalog.pg_inherits i where i.inhrelid = c.oid and i.inhdetachpending) as detaching,
    coalesce((select pg_catalog.json_agg(i.inhrelid::pg_catalog.regclass::text order by ${relationOrder('i.inhrelid')})
      from pg_catalog.pg_inherits i where i.inhparent = c.oid and i.inhdetachpending), '[]') as detaching_children,
    coalesce((select pg_catalog.json_agg(i.inhrelid order by ${relationOrder('i.inhrelid')}) from pg_catalog.pg_inherits i where i.inhparent = c.oid), '[]') as children,
    coalesce((select pg_catalog.json_agg(i.inhparent::pg_catalog.regclass::text order by i.inhseqno)
      from pg_catalog.pg_inherits i where i.inhrelid = c.oid), '[]') as parents,
    c.reloftype <> 0 as typed, c.relispopulated,
    case when c.relkind = 'm' and c.relispopulated then ${unpopulatedSources('c.oid')} else '[]' end as unpopulated_sources,
    case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end as viewdef,
    case when c.relkind in ('v', 'm') then ${meaningOfView('c.oid')} end as meaning,
    case when c.relkind in ('v', 'm') then (select pg_catalog.obj_description(w.oid, 'pg_rewrite') from pg_catalog.pg_rewrite w
      where w.ev_class = c.oid and w.rulename = '_RETURN') end as rule_comment,
    case when c.relkind in ('v', 'm') then ${rowTypesOfView('c.oid')} else '[]' end as row_types,
    nullif(pg_catalog.concat_ws(' ', case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end,
      pg_catalog.pg_get_expr(c.relpartbound, c.oid)), '') as partition,
    c.reltype, ${aclJson('c.relacl')} as relacl,
    coalesce((select pg_catalog.json_agg(pg_catalog.json_build_object('attname', m.attname, 'attacl', ${aclJson('m.attacl')}) order by m.attnum)
      from pg_catalog.pg_attribute m where m.attrelid = c.oid and m.attnum < 0 and m.attacl is not null), '[]') as system_columns,
    pg_catalog.obj_description(c.oid, 'pg_class') as description,
    case when c.relkind in ('r', 'p') then coalesce((select pg_catalog.json_agg(p.pubname order by p.pubname)
      from pg_catalog.pg_publication p
      where exists (select from pg_catalog.pg_get_publication_tables(p.pubname) g where g.relid = c.oid)), '[]') else '[]' end as publications,
    coalesce((select pg_catalog.json_agg(u.subname order by u.subname) from pg_catalog.pg_subscription_rel b
      join pg_catalog.pg_subscription u on u.oid = b.srsubid where b.srrelid = c.oid), '[]') as subscriptions,
    case when c.relkind in ('r', 'p') then ${storedRows('c.reltype')} else '[]' end as stored_in,
    pg_catalog.row_security_active(c.oid) as row_security_active,
    pg_catalog.pg_has_role(c.relowner, 'USAGE') as owned,
    case when c.relkind in ('r', 'p', 'm') then pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') else false end as lockable,
    case when c.relkind in ('r', 'p', 'v', 'm', 'f') then coalesce((select pg_catalog.json_agg(p.name)
      from (values ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) p(name)
      where pg_catalog.has_table_privilege(c.oid, p.name)), '[]') else '[]' end as privileges,
    (select coalesce(pg_catalog.max(m.attnum), 0) from pg_catalog.pg_attribute m where m.attrelid = c.oid) as max_attnum,
    ${strings('pg_catalog.pg_class', 'c.oid')}
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_class t on t.oid = c.reltoastrelid
  left join pg_catalog.pg_am a on a.oid = c.relam
  left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
  where c.oid = any (${oidArray(relations)})
  order by n.nspname, c.relname`

/** What changes without anybody's doing. */
export interface RelationSize {
  readonly oid: Oid
  /** As the planner estimates them; -1 where they were never counted. */
  readonly reltuples: number
  readonly bytes: number
}

export const sizeQuery = ({ relations }: Scope): string => `
  select c.oid, c.reltuples, pg_catalog.pg_total_relation_size(c.oid) as bytes
  from pg_catalog.pg_class c where c.oid = any (${oidArray(relations)}) and c.relkind in ('r', 'm')`
