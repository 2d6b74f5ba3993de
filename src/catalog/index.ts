import { oidArray, strings, type Oid, type Scope, type Strings } from './fragments.ts'

export interface Index extends Strings {
  readonly indexrelid: Oid
  readonly indrelid: Oid
  readonly nspname: string
  readonly relname: string
  readonly indkey: readonly number[]
  readonly indnkeyatts: number
  readonly indisunique: boolean
  readonly indisprimary: boolean
  readonly indisexclusion: boolean
  readonly indimmediate: boolean
  readonly indisvalid: boolean
  readonly indisclustered: boolean
  readonly indisreplident: boolean
  readonly partial: boolean
  readonly expressions: boolean
  /** It speaks of a whole row of its table. */
  readonly whole_row: boolean
  /** Its expressions, separated by commas, and its predicate. */
  readonly expression_list: string | null
  readonly predicate: string | null
  readonly partitioned: boolean
  readonly attached: boolean
  /** The partitioned index that it is attached to. */
  readonly parent: Oid | null
  readonly def: string
  readonly tablespace: string | null
  readonly reloptions: readonly string[] | null
  /** Names and statistics targets of the index's own columns. */
  readonly columns: readonly { readonly attnum: number; readonly attname: string; readonly target: number }[]
  /** Attribute numbers of the table that key, INCLUDE, expressions and predicate speak of. */
  readonly table_columns: readonly number[]
  /** The constraint that it serves. */
  readonly conoid: Oid | null
  readonly description: string | null
}

export const indexQuery = ({ relations }: Scope): string => `
  select i.indexrelid, i.indrelid, n.nspname, c.relname,
    i.indkey::pg_catalog.int2[] as indkey, i.indnkeyatts, i.indisunique, i.indisprimary, i.indisexclusion, i.indimmediate,
    i.indisvalid, i.indisclustered, i.indisreplident,
    i.indpred is not null as partial, i.indexprs is not null as expressions,
    coalesce(i.indexprs::text, '') || coalesce(i.indpred::text, '') ~ ':varattno 0 ' as whole_row,
    pg_catalog.pg_get_expr(i.indexprs, i.indrelid) as expression_list,
    pg_catalog.pg_get_expr(i.indpred, i.indrelid) as predicate,
    c.relkind = 'I' as partitioned, c.relispartition as attached,
    (select h.inhparent from pg_catalog.pg_inherits h where h.inhrelid = i.indexrelid) as parent,
    pg_catalog.pg_get_indexdef(i.indexrelid) as def,
    s.spcname as tablespace, c.reloptions,
    (select pg_catalog.json_agg(pg_catalog.json_build_object('attnum', a.attnum, 'attname', a.attname,
        'target', coalesce(a.attstattarget, -1)) order by a.attnum)
      from pg_catalog.pg_attribute a where a.attrelid = i.indexrelid) as columns,
    coalesce((select pg_catalog.json_agg(distinct u.attnum) from (
        select k.attnum from pg_catalog.unnest(i.indkey::pg_catalog.int2[]) k(attnum) where k.attnum <> 0
        union
        select d.refobjsubid from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = i.indexrelid
          and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = i.indrelid and d.refobjsubid > 0) u), '[]') as table_columns,
    (select k.oid from pg_catalog.pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) as conoid,
    pg_catalog.obj_description(i.indexrelid, 'pg_class') as description,
    ${strings('pg_catalog.pg_class', 'i.indexrelid')}
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
  where i.indrelid = any (${oidArray(relations)})
  order by n.nspname, c.relname`
