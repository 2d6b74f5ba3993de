import { literal } from '../sql.ts'
import { oidArray, relationOrder, type Oid } from './fragments.ts'

/** A partition, at whatever level, of a partitioned table that loses columns. */
export interface Member {
  readonly root: Oid
  readonly relid: Oid
  readonly parent: Oid
  readonly isleaf: boolean
}

/** The root's own partition key and those of its sub-partitioned partitions. */
export interface PartitionKey {
  readonly relid: Oid
  readonly columns: readonly string[]
}

/** Parents before their partitions. */
export const memberQuery = (roots: readonly Oid[]): string => `
  select r.root, t.relid::pg_catalog.oid as relid, t.parentrelid::pg_catalog.oid as parent, t.isleaf
  from pg_catalog.unnest(${oidArray(roots)}) with ordinality r(root, n)
  cross join lateral pg_catalog.pg_partition_tree(r.root) t
  where t.level > 0
  order by r.n, t.level, ${relationOrder('t.relid')}`

export const partitionKeyQuery = (relations: readonly Oid[]): string => `
  select p.partrelid as relid, coalesce((select pg_catalog.json_agg(distinct a.attname) from pg_catalog.pg_attribute a
    where a.attrelid = p.partrelid and a.attnum > 0 and (a.attnum = any (p.partattrs::pg_catalog.int2[])
      or exists (select from pg_catalog.regexp_matches(p.partexprs::text, ':varattno (\\d+) ', 'g') v
        where v[1]::int = a.attnum))), '[]') as columns
  from pg_catalog.pg_partitioned_table p where p.partrelid = any (${oidArray(relations)})`

/** The same columns, by name, of all the partitions: where the walk of what depends on them begins too. */
export const memberColumnQuery = (members: readonly Member[], columns: readonly (readonly [Oid, string])[]): string => `
  select 'pg_class' as catalog, a.attrelid as objid, a.attnum as objsubid
  from pg_catalog.json_to_recordset(${literal(JSON.stringify(members.map(({ root, relid }) => ({ root, relid }))))}) m(root text, relid text)
  join pg_catalog.json_to_recordset(${literal(JSON.stringify(columns.map(([root, name]) => ({ root, name }))))}) c(root text, name text)
    on c.root = m.root
  join pg_catalog.pg_attribute a on a.attrelid = m.relid::pg_catalog.oid and a.attname = c.name
    and a.attnum > 0 and not a.attisdropped`
