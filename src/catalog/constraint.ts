import { oidArray, relationOrder, type Oid, type Scope } from './fragments.ts'

/** pg_constraint.contype */
export const contypes = {
  c: 'check',
  f: 'foreign key',
  n: 'not null',
  p: 'primary key',
  u: 'unique',
  t: 'constraint trigger',
  x: 'exclusion',
} as const
export type Contype = keyof typeof contypes

export interface Constraint {
  readonly oid: Oid
  readonly conname: string
  readonly contype: Contype
  readonly conrelid: Oid
  readonly confrelid: Oid
  readonly conindid: Oid
  /** The constraint of a partitioned table that it is a part of: one for each partition, on either side of a foreign key. */
  readonly conparentid: Oid
  /** That constraint's name and table. */
  readonly parent: { readonly conname: string; readonly conrelid: Oid } | null
  readonly conkey: readonly number[] | null
  readonly convalidated: boolean
  readonly condeferrable: boolean
  readonly condeferred: boolean
  readonly inherited: boolean
  readonly conislocal: boolean
  readonly enforced: boolean
  /** Triggers by which PostgreSQL enforces it are disabled, or fire on replicas or always. */
  readonly enabled_otherwise: boolean
  /** A check that speaks of a whole row of its table. */
  readonly whole_row: boolean
  /** ON DELETE of a foreign key: a no action, r restrict, c cascade, n set null, d set default. */
  readonly confdeltype: 'a' | 'r' | 'c' | 'n' | 'd' | ' '
  readonly def: string
  /** For foreign keys: the same columns as names. */
  readonly columns: readonly string[]
  readonly referenced_columns: readonly string[]
  /** The operators that compare them: `operator(pg_catalog.=)`. */
  readonly equalities: readonly string[]
  /** From PostgreSQL 18 on: of the last column, all must be covered by rows that are referred to. */
  readonly period: boolean
  /** A foreign key that is MATCH FULL. */
  readonly match_full: boolean
  /** ON DELETE SET NULL (…), from PostgreSQL 15 on: the columns that are set; none for all. */
  readonly set_columns: readonly string[]
  readonly description: string | null
}

/**
 * A foreign key to a partitioned table is kept once more for each of its partitions, on the same referencing
 * table; and one of a partitioned table once more on each partition, which this is not.
 */
export const isForReferencedPartition = ({ contype, parent, conrelid }: Constraint): boolean =>
  contype === 'f' && parent?.conrelid === conrelid

const names = (relation: string, key: string) => `coalesce((
      select pg_catalog.json_agg(a.attname order by u.n) from pg_catalog.unnest(${key}) with ordinality u(attnum, n)
      join pg_catalog.pg_attribute a on a.attrelid = ${relation} and a.attnum = u.attnum), '[]')`

export const constraintQuery = ({ relations }: Scope, major: number): string => `
  select k.oid, k.conname, k.contype, k.conrelid, k.confrelid, k.conindid, k.conparentid, k.conkey,
    k.convalidated, k.condeferrable, k.condeferred, k.coninhcount > 0 as inherited, k.conislocal,
    (select pg_catalog.json_build_object('conname', r.conname, 'conrelid', r.conrelid::text)
      from pg_catalog.pg_constraint r where r.oid = k.conparentid) as parent,
    ${major >= 18 ? 'k.conenforced' : 'true'} as enforced, ${major >= 18 ? 'k.conperiod' : 'false'} as period,
    exists (select from pg_catalog.pg_trigger t where t.tgconstraint = k.oid and t.tgenabled <> 'O') as enabled_otherwise,
    k.contype = 'f' and k.confmatchtype = 'f' as match_full,
    coalesce(k.conbin::text ~ ':varattno 0 ', false) as whole_row,
    k.confdeltype, pg_catalog.pg_get_constraintdef(k.oid) as def,
    ${names('k.conrelid', 'k.conkey')} as columns,
    ${names('k.confrelid', 'k.confkey')} as referenced_columns,
    coalesce((select pg_catalog.json_agg(pg_catalog.format('operator(%I.%s)', n.nspname, o.oprname) order by u.n)
      from pg_catalog.unnest(k.conpfeqop) with ordinality u(oid, n)
      join pg_catalog.pg_operator o on o.oid = u.oid join pg_catalog.pg_namespace n on n.oid = o.oprnamespace), '[]') as equalities,
    ${major >= 15 ? names('k.conrelid', 'k.confdelsetcols') : `'[]'::json`} as set_columns,
    pg_catalog.obj_description(k.oid, 'pg_constraint') as description
  from pg_catalog.pg_constraint k
  where (k.conrelid = any (${oidArray(relations)}) or k.confrelid = any (${oidArray(relations)}))
    and k.contype not in ('n', 't')
  order by ${relationOrder('k.conrelid')}, k.conname`
