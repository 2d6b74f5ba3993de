import type { ClientBase } from 'pg'
import { isServerError, messageWithoutValues } from '../server-error.ts'
import { id } from '../sql.ts'
import type { LeftOut } from './load.ts'
import type { RowCounts } from './rows.ts'
import { readTexts, writeTexts } from './text-settings.ts'

/** A table as one of the two databases has it. */
export interface SampledTable {
  readonly oid: string
  /** Qualified and quoted. */
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly generated: boolean }[]
}

/** The rows that were copied, and what was not. */
export interface Sample {
  readonly rows: RowCounts
  readonly leftOut: readonly LeftOut[]
}

/**
 * Copies rows, named by their place, into the tables of the same name; the source is in a transaction. What the target lacks, and rows that it
 * refuses, are left out and told, without their values. Triggers and rules, the application's answer to the application's
 * changes, do not fire in the target.
 */
export async function copyRows(
  source: ClientBase,
  target: ClientBase,
  tables: readonly SampledTable[],
  chosen: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Sample> {
  const copied: Record<string, number> = {}
  const leftOut: LeftOut[] = []
  const { rows: there } = await target.query<SampledTable>(TABLES)
  await source.query(writeTexts)
  await target.query(readTexts)
  for (const table of tables) {
    const places = [...(chosen.get(table.oid) ?? [])]
    const to = there.find(({ name }) => name === table.name)
    const leave = (reason: string) => leftOut.push({ what: `ROWS ${table.name}`, reason, sql: '' })
    if (!to) {
      if (places.length > 0) leave('the table is not there')
      continue
    }
    copied[table.name] = 0
    if (places.length === 0) continue
    for (const { name } of table.columns) if (!has(to, name)) leave(`column ${id(name)} is not there`)
    const refused = await insertRows(target, insertInto(to, table), await readRows(source, table, to, places))
    for (const [reason, rows] of refused) leave(`${String(rows)} of ${String(places.length)} were refused: ${reason}`)
    copied[table.name] = [...refused.values()].reduce((left, rows) => left - rows, places.length)
  }
  return { rows: copied, leftOut }
}

const has = ({ columns }: SampledTable, name: string) => columns.some((c) => c.name === name)

/** Texts of rows, of the row type that the target's table has. */
async function readRows(
  source: ClientBase,
  table: SampledTable,
  to: SampledTable,
  places: readonly string[],
): Promise<string[]> {
  const values = to.columns.map(({ name }) => (has(table, name) ? `t.${id(name)}` : 'null'))
  const { rows } = await source.query<{ row: string }>(
    `select row(${values.join(', ')})::text as row from only ${table.name} t where ctid = any ($1::tid[])`,
    [places],
  )
  return rows.map(({ row }) => row)
}

/** A statement that takes an array of such texts. */
function insertInto({ name: target, columns }: SampledTable, source: SampledTable): string {
  const names = columns.filter((c) => !c.generated && has(source, c.name)).map((c) => id(c.name))
  const list = names.length > 0 ? `(${names.join(', ')})` : ''
  return `insert into ${target} ${list} overriding system value
    select ${names.map((name) => `(r.t).${name}`).join(', ')} from (select x::${target} as t from pg_catalog.unnest($1::text[]) x) r`
}

/** All at once; one by one where that is refused. @returns how many were refused, by reason */
async function insertRows(client: ClientBase, insert: string, rows: readonly string[]): Promise<Map<string, number>> {
  const refused = new Map<string, number>()
  if ((await refusal(client, insert, rows)) === null) return refused
  for (const row of rows) {
    const reason = await refusal(client, insert, [row])
    if (reason !== null) refused.set(reason, (refused.get(reason) ?? 0) + 1)
  }
  return refused
}

/** Why the server does not take rows. */
async function refusal(client: ClientBase, insert: string, rows: readonly string[]): Promise<string | null> {
  try {
    await client.query(insert, [rows])
    return null
  } catch (error) {
    if (!isServerError(error) || NO_REFUSAL.test(error.code)) throw error
    return messageWithoutValues(error)
  }
}

/** Classes of SQLSTATEs that say nothing of the rows: of the connection, resources, the operator, the system, the server itself. */
const NO_REFUSAL = /^(?:08|53|57|58|XX)/

/** Tables that hold rows of their own. */
export const TABLES = `
  select c.oid::text as oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name, coalesce((
      select pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, 'generated', a.attgenerated <> '') order by a.attnum)
      from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]') as columns
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't' and c.relname !~ '^kysely_migration'
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship')
  order by c.oid`
