import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { describeDatabase } from '../src/catalog/describe.ts'

/** A table's rows by key, each as its row_to_json text with the columns in order of their names. */
export type Rows = ReadonlyMap<string, string>

/** All that a database holds, to be compared. */
export interface State {
  /** By identity, as `index public.idx_contacts_name`. */
  readonly definitions: Readonly<Record<string, unknown>>
  readonly tables: ReadonlyMap<string, Rows>
  /** Where each sequence stands. */
  readonly sequences: ReadonlyMap<string, string>
}

/** Reads definitions, rows and sequences of a database, apart from Kysely's own tables. */
export async function readState(adminUrl: string): Promise<State> {
  const pool = new pg.Pool({ connectionString: adminUrl })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    return {
      definitions: await describeDatabase(db),
      tables: await readTables(pool),
      sequences: await readSequences(pool),
    }
  } finally {
    await db.destroy()
  }
}

async function readTables(pool: pg.Pool): Promise<Map<string, Rows>> {
  const { rows: tables } = await pool.query<{ name: string; key: string[] }>(`
    select
      c.relname as name,
      array(
        select a.attname::text
        from pg_catalog.pg_index i
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
        where i.indrelid = c.oid and i.indisprimary
        order by a.attnum
      ) as key
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind = 'r' /* ordinary table */
      and c.relname not like 'kysely\\_migration%'
    order by c.relname`)
  const states = new Map<string, Rows>()
  for (const { name, key } of tables) {
    const keyText =
      key.length > 0 ? key.map((column) => `t.${pg.escapeIdentifier(column)}::text`).join(", ', ', ") : null
    const { rows } = await pool.query<{ key: string | null; row: string }>(`
      select ${keyText ? `concat(${keyText})` : 'null'} as key, sorted.row
      from public.${pg.escapeIdentifier(name)} t
      cross join lateral (
        select json_object_agg(key, value order by key)::text as row from json_each(row_to_json(t))
      ) sorted`)
    states.set(name, new Map(rows.map(({ key, row }) => [key ?? row, row])))
  }
  return states
}

async function readSequences(pool: pg.Pool): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ name: string; value: string }>(`
    select sequencename as name, coalesce(last_value::text, 'unused') as value
    from pg_catalog.pg_sequences
    where schemaname = 'public'
    order by sequencename`)
  return new Map(rows.map(({ name, value }) => [name, value]))
}
