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
  /** Of one that is not valid: who builds an index of its table, as far as this role sees it. */
  readonly built_by: number | null
  readonly indisclustered: boolean
  readonly indisreplident: boolean
  /** It compares its key columns as all else does: in their collation, by what is the default for their type. */
  readonly compares_plainly: boolean
  /** The operators by which its key columns are equal: `operator(pg_catalog.=)`. */
  readonly equalities: readonly string[]
  /** Of an exclusion constraint: true where what it speaks of keeps a second row like it out. */
  readonly excludes: string | null
  readonly partial: boolean
  readonly expressions: boolean
  /** It speaks of a whole row of its table. */
  readonly whole_row: boolean
  /** Attribute numbers of the table that its expressions speak of. */
  readonly expression_columns: readonly number[]
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

/** The key as PostgreSQL prints it where it has neither a collation nor an operator class of its own to tell. */
const plainKey = `' USING btree (' || (
      select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname)
        || case k.opt & 3 when 0 then '' when 1 then ' DESC NULLS LAST' when 2 then ' NULLS FIRST' else ' DESC' end, ', ' order by k.n)
      from rows from (pg_catalog.unnest(i.indkey::pg_catalog.int2[]), pg_catalog.unnest(i.indoption::pg_catalog.int2[])) with ordinality k(attnum, opt, n)
      join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
      where k.n <= i.indnkeyatts) || ')'`

const equalities = `coalesce((
      select pg_catalog.json_agg(pg_catalog.format('operator(%I.%s)', s.nspname, o.oprname) order by k.n)
      from pg_catalog.unnest(i.indclass::pg_catalog.oid[]) with ordinality k(opclass, n)
      join pg_catalog.pg_opclass p on p.oid = k.opclass
      join pg_catalog.pg_amop m on m.amopfamily = p.opcfamily and m.amoplefttype = p.opcintype and m.amoprighttype = p.opcintype
        and m.amopstrategy = 3 /* of a btree: equal */
      join pg_catalog.pg_operator o on o.oid = m.amopopr
      join pg_catalog.pg_namespace s on s.oid = o.oprnamespace
      where i.indisunique), '[]')`

const excludes = `(
      select pg_catalog.string_agg(pg_catalog.format('(%1$s) operator(%2$I.%3$s) (%1$s)',
        pg_catalog.pg_get_indexdef(i.indexrelid, k.n::int, false), s.nspname, o.oprname), ' and ' order by k.n)
      from pg_catalog.pg_constraint x
      cross join pg_catalog.unnest(x.conexclop) with ordinality k(operator, n)
      join pg_catalog.pg_operator o on o.oid = k.operator
      join pg_catalog.pg_namespace s on s.oid = o.oprnamespace
      where x.conrelid = i.indrelid and x.conindid = i.indexrelid and x.contype = 'x')`

export const indexQuery = ({ relations }: Scope): string => `
  select i.indexrelid, i.indrelid, n.nspname, c.relname,
    i.indkey::pg_catalog.int2[] as indkey, i.indnkeyatts, i.indisunique, i.indisprimary, i.indisexclusion, i.indimmediate,
    i.indisvalid,
    case when not i.indisvalid then (select pg_catalog.min(p.pid) from pg_catalog.pg_stat_progress_create_index p where p.relid = i.indrelid) end as built_by,
    i.indisclustered, i.indisreplident,
    pg_catalog.strpos(pg_catalog.pg_get_indexdef(i.indexrelid), ${plainKey}) > 0 as compares_plainly,
    ${equalities} as equalities,
    ${excludes} as excludes,
    i.indpred is not null as partial, i.indexprs is not null as expressions,
    coalesce(i.indexprs::text, '') || coalesce(i.indpred::text, '') ~ ':varattno 0 ' as whole_row,
    coalesce((select pg_catalog.json_agg(distinct m.found[1]::int2)
      from pg_catalog.regexp_matches(i.indexprs::text, ':varattno (\\d+) ', 'g') m(found)), '[]') as expression_columns,
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
    (select k.oid from pg_catalog.pg_constraint k
      where k.conrelid = i.indrelid and k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) as conoid,
    pg_catalog.obj_description(i.indexrelid, 'pg_class') as description,
    ${strings('pg_catalog.pg_class', 'i.indexrelid')}
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_tablespace s on s.oid = c.reltablespace
  where i.indrelid = any (${oidArray(relations)})
  order by n.nspname, c.relname`
