import { literal, qualified, type QualifiedName } from '../sql.ts'
import type { Oid } from './fragments.ts'

/** A catalog row, as pg_depend addresses it. */
export interface Address {
  /** The catalog's name: `pg_class`, `pg_proc`, … */
  readonly catalog: string
  readonly objid: Oid
  /** A column's number, or 0. */
  readonly objsubid: number
}

/** Something that would vanish, break or stand in the way. */
export interface Node extends Address {
  /** As `pg_describe_object` words it: `index idx_contacts_expected_partner`. */
  readonly description: string
  readonly identity: string
  /** pg_class.relkind, where it is a relation. */
  readonly relkind: string | null
  /** What tells the kinds of its catalog apart: relkind, contype, typtype or prokind. */
  readonly subkind: string | null
  /** The table or view that it belongs to: of a constraint, trigger, policy, rule, index, default, statistics. */
  readonly owner_relid: Oid | null
  /** For a default: its column. */
  readonly owner_attnum: number | null
  readonly user_defined: boolean
}

/** `dependent` cannot stand without `referenced`. */
export interface Edge {
  readonly dependent: string
  readonly referenced: string
  readonly deptype: string
}

export const addressKey = (a: Address): string => `${a.catalog}:${a.objid}:${String(a.objsubid)}`

const catalogName = (classid: string) => `(select relname from pg_catalog.pg_class where oid = ${classid})`

/** CTEs that give `reached`: these objects and everything that hangs on them. */
export const reached = (roots: readonly Address[]) => `
  with recursive root(classid, objid, objsubid) as (values ${roots
    .map(
      (r) =>
        `('pg_catalog.${r.catalog}'::pg_catalog.regclass::pg_catalog.oid, ${r.objid}::pg_catalog.oid, ${String(r.objsubid)})`,
    )
    .join(', ')}),
  reached(classid, objid, objsubid) as (
    select classid, objid, objsubid from root
    union
    select n.classid, n.objid, n.objsubid from reached r cross join lateral (
      /* what depends on it, or on a column of it */
      select d.classid, d.objid, d.objsubid from pg_catalog.pg_depend d
      where d.refclassid = r.classid and d.refobjid = r.objid and (r.objsubid = 0 or d.refobjsubid = r.objsubid)
        and d.classid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
        and not (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          and exists (select from pg_catalog.pg_class t where t.oid = d.objid and t.relkind = 't' /* toast table */))
      union all
      /* the view that a rule makes */
      select 'pg_catalog.pg_class'::pg_catalog.regclass, w.ev_class, 0 from pg_catalog.pg_rewrite w
      where r.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.oid = r.objid and w.rulename = '_RETURN'
      union all
      /* the constraint that an index or trigger serves */
      select d.refclassid, d.refobjid, d.refobjsubid from pg_catalog.pg_depend d
      where d.classid = r.classid and d.objid = r.objid and d.deptype = 'i'
        and d.refclassid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
      union all
      /* the column that an expression generates */
      select 'pg_catalog.pg_class'::pg_catalog.regclass, a.attrelid, a.attnum
      from pg_catalog.pg_attrdef f join pg_catalog.pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
      where r.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and f.oid = r.objid and a.attgenerated <> ''
    ) n
    where r.objid <> 0
  )`

/** Everything that hangs, directly or not, on the given objects; the objects themselves included. */
export const nodeQuery = (roots: readonly Address[], but?: Ours): string => `
  select * from (${reached(roots)}
  select ${catalogName('r.classid')} as catalog, r.objid, r.objsubid,
    pg_catalog.pg_describe_object(r.classid, r.objid, r.objsubid) as description,
    i.identity, c.relkind,
    case ${catalogName('r.classid')}
      when 'pg_class' then c.relkind::text
      when 'pg_constraint' then (select k.contype::text from pg_catalog.pg_constraint k where k.oid = r.objid)
      when 'pg_type' then (select t.typtype::text from pg_catalog.pg_type t where t.oid = r.objid)
      when 'pg_proc' then (select p.prokind::text from pg_catalog.pg_proc p where p.oid = r.objid)
    end as subkind,
    case ${catalogName('r.classid')}
      when 'pg_class' then case when c.relkind in ('i', 'I') then (select x.indrelid from pg_catalog.pg_index x where x.indexrelid = c.oid) end
      when 'pg_constraint' then (select k.conrelid from pg_catalog.pg_constraint k where k.oid = r.objid and k.conrelid <> 0)
      when 'pg_trigger' then (select t.tgrelid from pg_catalog.pg_trigger t where t.oid = r.objid)
      when 'pg_policy' then (select p.polrelid from pg_catalog.pg_policy p where p.oid = r.objid)
      when 'pg_rewrite' then (select w.ev_class from pg_catalog.pg_rewrite w where w.oid = r.objid)
      when 'pg_publication_rel' then (select g.prrelid from pg_catalog.pg_publication_rel g where g.oid = r.objid)
      when 'pg_attrdef' then (select f.adrelid from pg_catalog.pg_attrdef f where f.oid = r.objid)
      when 'pg_statistic_ext' then (select s.stxrelid from pg_catalog.pg_statistic_ext s where s.oid = r.objid)
      when 'pg_type' then (select case when t.typrelid <> 0 then t.typrelid else e.typrelid end
        from pg_catalog.pg_type t left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid and e.typrelid <> 0
        where t.oid = r.objid and (t.typrelid <> 0 or e.typrelid <> 0))
    end as owner_relid,
    case when ${catalogName('r.classid')} = 'pg_attrdef'
      then (select f.adnum from pg_catalog.pg_attrdef f where f.oid = r.objid) end as owner_attnum,
    r.objid >= 16384 as user_defined
  from reached r
  cross join lateral pg_catalog.pg_identify_object(r.classid, r.objid, r.objsubid) i
  left join pg_catalog.pg_class c on r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.oid = r.objid
  where ${but ? notOf(but) : 'true'}) nodes`

/** The given objects first, in their order, and what hangs on them by name: not as it was created, which a dump changes. */
export function byName(nodes: readonly Node[], roots: readonly Address[]): Node[] {
  const given = new Map(roots.map((root, n) => [addressKey(root), n]))
  const rank = (node: Node) => given.get(addressKey(node)) ?? roots.length
  return nodes.toSorted(
    (a, b) => rank(a) - rank(b) || (a.description < b.description ? -1 : a.description > b.description ? 1 : 0),
  )
}

/** What a run makes that depends on what it deals with. */
export interface Ours {
  /** Tables, and functions that triggers call, in this schema. */
  readonly schema: string
  readonly tables: readonly QualifiedName[]
}

const notOf = ({ schema, tables }: Ours) => `not exists (select from pg_catalog.pg_class c
      where r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.oid = r.objid
        and (c.relnamespace = pg_catalog.to_regnamespace(${literal(schema)})
          or c.oid in (select pg_catalog.to_regclass(t.name)
            from pg_catalog.unnest(array[${tables.map((t) => literal(qualified(t))).join(', ')}]::text[]) t(name))))
    and not exists (select from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
      where r.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and t.oid = r.objid
        and p.pronamespace = pg_catalog.to_regnamespace(${literal(schema)}))`

/** SQL of one text: the same objects as `addressKeys` writes them, without what is ours. */
export const addressesExpression = (roots: readonly Address[], ours: Ours): string => `(${reached(roots)}
  select pg_catalog.string_agg(a.key, ' ' order by a.key collate pg_catalog."C") from (
    select ${catalogName('r.classid')} || ':' || r.objid || ':' || r.objsubid as key from reached r
    where ${notOf(ours)}) a)`

export const addressKeys = (addresses: readonly Address[]): string => addresses.map(addressKey).sort().join(' ')

/** Who depends on whom among them. */
export const edgeQuery = (roots: readonly Address[]): string => `
  select * from (${reached(roots)}
  select ${catalogName('d.classid')} || ':' || d.objid || ':' || d.objsubid as dependent,
    ${catalogName('d.refclassid')} || ':' || d.refobjid || ':' || d.refobjsubid as referenced, d.deptype
  from reached r
  join pg_catalog.pg_depend d on d.classid = r.classid and d.objid = r.objid and d.objsubid = r.objsubid
  where exists (select from reached o where o.classid = d.refclassid and o.objid = d.refobjid)) edges`
