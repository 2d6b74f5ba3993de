import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import { UnshipError } from '../../../errors.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import { literal, qualified, type QualifiedName } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'
import type { NeedsNow } from './needs.ts'

/*
 * A timestamp is another instant in each time zone: where a key has one type and what it is compared with the other, a session's
 * settings say which rows are the same.
 */

export interface ColumnOf {
  readonly table: QualifiedName
  readonly column: string
}

/** Two columns that are compared. */
export interface Compared {
  readonly a: ColumnOf
  readonly b: ColumnOf
}

export const BY_SETTINGS = 'whether two values are the same depends on settings of the session, as its time zone'

/** Those of different types of which PostgreSQL compares values, or casts one for it, by what is not immutable. */
export async function comparedBySettings<Pair extends Compared>(
  db: AnyKysely,
  pairs: readonly Pair[],
): Promise<Pair[]> {
  if (pairs.length === 0) return []
  const asked = pairs.map(({ a, b }) => ({
    ...{ a: qualified(a.table), a_column: a.column },
    ...{ b: qualified(b.table), b_column: b.column },
  }))
  const found = await readJson<{ n: number }>(
    db,
    `select k.ordinality::int - 1 as n
     from rows from (pg_catalog.json_to_recordset(${literal(JSON.stringify(asked))}) as (a text, a_column text, b text, b_column text)) with ordinality k
     join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass(k.a) and a.attname = k.a_column
     join pg_catalog.pg_attribute b on b.attrelid = pg_catalog.to_regclass(k.b) and b.attname = k.b_column
     cross join lateral (${baseOf('a.atttypid')}) x(type) cross join lateral (${baseOf('b.atttypid')}) y(type)
     where x.type <> y.type and (
       exists (
         select from pg_catalog.pg_amop m join pg_catalog.pg_operator o on o.oid = m.amopopr join pg_catalog.pg_proc p on p.oid = o.oprcode
         where (m.amoplefttype, m.amoprighttype) in ((x.type, y.type), (y.type, x.type)) and p.provolatile <> 'i')
       or exists (
         select from pg_catalog.pg_cast c join pg_catalog.pg_proc p on p.oid = c.castfunc
         where (c.castsource, c.casttarget) in ((x.type, y.type), (y.type, x.type)) and c.castcontext = 'i' and p.provolatile <> 'i'))`,
  )
  return found.flatMap(({ n }) => pairs[n] ?? [])
}

/** A type, or what a domain is made of. */
export const baseOf = (type: string) => `
       with recursive part(type) as (
         select ${type}
         union select t.typbasetype from part join pg_catalog.pg_type t on t.oid = part.type where t.typtype = 'd')
       select part.type from part join pg_catalog.pg_type t on t.oid = part.type where t.typtype <> 'd'`

/** Refuses where rows could be taken to have no parent because a column of a foreign key was altered so. */
export async function refuseOtherParents(
  { db, feature }: RunContext,
  plan: RecordedPlan,
  { altered }: NeedsNow,
  state = 'Nothing was restored.',
): Promise<void> {
  // PostgreSQL lets a foreign key be one of two such types from the first
  const isAltered = ({ table, column }: ColumnOf) =>
    altered.some(({ names }) => names.join('.') === [table.schema, table.name, column].join('.'))
  const pairs = [...plan.hosts, ...plan.moved].flatMap((child) => {
    const stayed = (column: string) => 'columns' in child && !child.columns.some((c) => c.name === column)
    return child.foreignKeys.flatMap((key) =>
      key.columns.map((column, n) => {
        const a = { table: stayed(column) ? child.table : child.backup, column }
        const b = { table: key.referenced, column: key.referencedColumns[n] ?? '' }
        return { a, b, told: `${key.name} of ${shown(child.table)}` }
      }),
    )
  })
  const refused = await comparedBySettings(
    db,
    pairs.filter(({ a, b }) => isAltered(a) || isAltered(b)),
  )
  if (refused.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored into the tables as they are now`,
    detail: refused
      .map(({ b: { table, column }, told }) => {
        const parent = `${shown(table)} (${column})`
        return `Foreign key ${told} refers to ${parent}, and a column was given another type: ${BY_SETTINGS}.`
      })
      .join('\n'),
    hint: `${alterBack('that column')} ${state}`,
  })
}

export const alterBack = (what: string) =>
  `Give ${what} its type back, with the time zone that it was altered by (alter column … type … using … at time zone '…'); once the feature is restored, it may be altered again.`
