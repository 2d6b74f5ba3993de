import { aclJson, oidArray, type Acl, type Oid, type Scope } from './fragments.ts'

export interface Column {
  readonly attrelid: Oid
  readonly attnum: number
  readonly attname: string
  readonly atttypid: Oid
  readonly type: string
  /** The type is a domain, or holds one, with a constraint: ADD COLUMN would rewrite. */
  readonly constrained_domain: boolean
  /** The type is a domain. */
  readonly is_domain: boolean
  /** Only where it is not the type's own. */
  readonly collation: string | null
  readonly storage: string | null
  readonly type_storage: string
  readonly compression: string | null
  readonly attstattarget: number
  readonly attoptions: readonly string[] | null
  readonly attnotnull: boolean
  /** PostgreSQL 18 names NOT NULL constraints. */
  readonly not_null_name: string | null
  readonly not_null_validated: boolean
  readonly not_null_no_inherit: boolean
  readonly not_null_description: string | null
  readonly default: string | null
  /** What the type, a domain, gives where the column has no default. */
  readonly type_default: string | null
  /** The default, the column's own or else the type's, is the same value for every row and at any time. */
  readonly default_constant: boolean
  /** It may draw from a sequence, or change something else. */
  readonly default_draws: boolean
  readonly attidentity: '' | 'a' | 'd'
  readonly attgenerated: '' | 's' | 'v'
  readonly inherited: boolean
  readonly attislocal: boolean
  readonly attinhcount: number
  readonly attacl: Acl
  readonly description: string | null
  readonly labelled: boolean
}

const storageName = (code: string) =>
  `case ${code} when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' when 'x' then 'extended' end`

/** SQL: the expression tree of the default that holds, the column's own or else the type's. */
const DEFAULT_TREE = `coalesce(d.adbin, ty.typdefaultbin)::text`

/** SQL: the functions that it calls, as \`f\`. */
const defaultCalls = `pg_catalog.regexp_matches(${DEFAULT_TREE}, ':(?:funcid|opfuncid) (\\d+)', 'g') call
      left join pg_catalog.pg_proc f on f.oid = call[1]::pg_catalog.oid`

/**
 * A default counts as constant when its expression tree is built from
 * constants and immutable built-in functions alone; whatever else it holds,
 * it does not. (`now()` is constant for one ADD COLUMN, but not over time.)
 */
const defaultIsConstant = `not exists (
      select from pg_catalog.regexp_matches(${DEFAULT_TREE}, '\\{([A-Z_]+)', 'g') node
      where node[1] not in ('CONST', 'RELABELTYPE', 'FUNCEXPR', 'OPEXPR', 'ARRAY', 'ARRAYEXPR', 'BOOLEXPR'))
    and not exists (
      select from ${defaultCalls}
      where f.provolatile is distinct from 'i' or f.oid >= 16384 /* not built in */)`

/** What functions written in C do besides, as those that make a UUID, is to be seen nowhere. */
const defaultDraws = `exists (
      select from ${defaultCalls}
      join pg_catalog.pg_language l on l.oid = f.prolang
      where f.oid in ('pg_catalog.nextval(regclass)'::pg_catalog.regprocedure, 'pg_catalog.setval(regclass,bigint)'::pg_catalog.regprocedure,
          'pg_catalog.setval(regclass,bigint,boolean)'::pg_catalog.regprocedure)
        or f.provolatile = 'v' and l.lanname not in ('internal', 'c'))`

/** The domains that a type is, or holds as an array does, as `y`: a condition may follow. */
export const domainsOf = (type: string): string => `
      with recursive part(typid) as (
        select ${type}
        union
        select b.id from part join pg_catalog.pg_type y on y.oid = part.typid
        cross join lateral (values (case y.typtype when 'd' then y.typbasetype end),
          (case when y.typcategory = 'A' then y.typelem end)) b(id)
        where b.id <> 0)
      select y.oid from part join pg_catalog.pg_type y on y.oid = part.typid
      where y.typtype = 'd'`

/** Of such a domain: it checks its values, and ADD COLUMN rewrites the table. */
export const CONSTRAINED = `(y.typnotnull or exists (select from pg_catalog.pg_constraint k where k.contypid = y.oid))`

export const columnQuery = ({ relations }: Scope, major: number): string => `
  select a.attrelid, a.attnum, a.attname, a.atttypid,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    /* asked only where it can be: the search takes most of the time of each column */
    (ty.typtype = 'd' or ty.typcategory = 'A') and exists (
      ${domainsOf('a.atttypid')} and ${CONSTRAINED}) as constrained_domain, ty.typtype = 'd' as is_domain,
    (select pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
      from pg_catalog.pg_collation co join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
      where co.oid = a.attcollation and a.attcollation <> ty.typcollation) as collation,
    case when a.attstorage <> ty.typstorage then ${storageName('a.attstorage')} end as storage,
    ${storageName('ty.typstorage')} as type_storage,
    case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end as compression,
    coalesce(a.attstattarget, -1) as attstattarget, a.attoptions,
    a.attnotnull,
    ${
      major >= 18
        ? `nn.conname as not_null_name, coalesce(nn.convalidated, true) as not_null_validated,
    coalesce(nn.connoinherit, false) as not_null_no_inherit, pg_catalog.obj_description(nn.oid, 'pg_constraint') as not_null_description`
        : 'null as not_null_name, true as not_null_validated, false as not_null_no_inherit, null as not_null_description'
    },
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default,
    pg_catalog.pg_get_expr(ty.typdefaultbin, 0) as type_default,
    ${defaultIsConstant} as default_constant, ${defaultDraws} as default_draws,
    a.attidentity, a.attgenerated, a.attinhcount > 0 as inherited, a.attislocal, a.attinhcount,
    ${aclJson('a.attacl')} as attacl,
    pg_catalog.col_description(a.attrelid, a.attnum) as description,
    exists (select from pg_catalog.pg_seclabel l
      where l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and l.objoid = a.attrelid and l.objsubid = a.attnum) as labelled
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type ty on ty.oid = a.atttypid
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  ${major >= 18 ? `left join pg_catalog.pg_constraint nn on nn.conrelid = a.attrelid and nn.contype = 'n' and nn.conkey = array[a.attnum]` : ''}
  where a.attrelid = any (${oidArray(relations)}) and a.attnum > 0 and not a.attisdropped
  order by a.attrelid, a.attnum`
