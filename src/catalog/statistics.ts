import { oidArray, type Oid, type Scope } from './fragments.ts'

export interface Statistics {
  readonly oid: Oid
  readonly nspname: string
  readonly stxname: string
  readonly stxrelid: Oid
  readonly owner: string
  readonly owned: boolean
  readonly target: number
  readonly def: string
  /** Kinds, columns and expressions: in `def` columns stand in the order that their table has them in. */
  readonly content: readonly [kinds: readonly string[], columns: readonly string[], expressions: readonly string[]]
  readonly table_columns: readonly number[]
  readonly description: string | null
}

export const statisticsQuery = ({ relations }: Scope): string => `
  select s.oid, n.nspname, s.stxname, s.stxrelid,
    pg_catalog.pg_get_userbyid(s.stxowner) as owner,
    pg_catalog.pg_has_role(s.stxowner, 'USAGE') as owned,
    coalesce(s.stxstattarget, -1) as target,
    pg_catalog.pg_get_statisticsobjdef(s.oid) as def,
    pg_catalog.json_build_array(
      s.stxkind,
      coalesce((select pg_catalog.json_agg(a.attname order by a.attname collate pg_catalog."C") from pg_catalog.pg_attribute a
        where a.attrelid = s.stxrelid and a.attnum = any (s.stxkeys::int2[])), '[]'),
      coalesce(pg_catalog.to_json(pg_catalog.pg_get_statisticsobjdef_expressions(s.oid)), '[]')) as content,
    coalesce((select pg_catalog.json_agg(distinct d.refobjsubid) from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass and d.objid = s.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid = s.stxrelid and d.refobjsubid > 0), '[]') as table_columns,
    pg_catalog.obj_description(s.oid, 'pg_statistic_ext') as description
  from pg_catalog.pg_statistic_ext s
  join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
  where s.stxrelid = any (${oidArray(relations)})
  order by n.nspname, s.stxname`
