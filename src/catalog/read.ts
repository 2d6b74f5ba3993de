import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'

/**
 * Runs a catalog query and returns its rows through JSON, so that neither the
 * caller's type parsers nor plugins change what arrives. Object identifiers
 * are strings.
 */
export async function readJson<T>(db: AnyKysely, query: string): Promise<T[]> {
  const text = `select coalesce(pg_catalog.json_agg(q), '[]')::text as json from (${query}) q`
  const { rows } = await sql<{ json: string }>`${sql.raw(text)}`.execute(db)
  return JSON.parse(rows[0]?.json ?? '[]') as T[]
}

/** Several queries in one round trip and one snapshot, by name. */
export async function readTogether<T extends Record<string, unknown[]>>(
  db: AnyKysely,
  queries: { readonly [K in keyof T]: string },
): Promise<T> {
  const { rows } = await sql<{ json: string }>`${sql.raw(`select ${together(queries)} as json`)}`.execute(db)
  return JSON.parse(rows[0]?.json ?? '{}') as T
}

/** SQL of one text: the rows of several queries, as JSON. */
export function together(queries: Readonly<Record<string, string>>): string {
  const parts = Object.entries(queries).map(
    ([name, query]) => `'${name}', (select coalesce(pg_catalog.json_agg(q), '[]') from (${query}) q)`,
  )
  return `pg_catalog.json_build_object(${parts.join(',\n')})::text`
}
