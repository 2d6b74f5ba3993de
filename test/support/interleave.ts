import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { expect } from 'vitest'
import { removeFeature, type Feature } from 'kysely-unship'
import { beforeQueries, createPool } from './connect.ts'
import type { TestDatabase } from './database.ts'

/** Works as crm_owner, over one connection unless told; `act` is done right before each statement with this text in it; one has to come. */
export async function actingBeforeEach<R>(
  database: TestDatabase,
  text: string,
  act: () => Promise<unknown>,
  work: (db: Kysely<any>) => Promise<R>,
  connections = 1,
): Promise<R> {
  const pool = createPool(database.ownerUrl, connections)
  let acted = false
  beforeQueries(pool, async (query) => {
    if (!query.includes(text)) return
    acted = true
    await act()
  })
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  try {
    return await work(db)
  } finally {
    await db.destroy()
    expect(acted).toBe(true)
  }
}

/** The same, once: right before the first such statement. */
export function actingBefore<R>(
  database: TestDatabase,
  text: string,
  act: () => Promise<unknown>,
  work: (db: Kysely<any>) => Promise<R>,
  connections = 1,
): Promise<R> {
  let done = false
  const once = async () => {
    if (done) return
    done = true
    await act()
  }
  return actingBeforeEach(database, text, once, work, connections)
}

/**
 * Removes a feature while `act` is done when the cut-over, known by `text`, has compared the catalog and has no lock yet that would
 * keep it out: a reader of `table` holds those up. Gives what comes of it, report or error.
 */
export async function whileComparing(
  database: TestDatabase,
  feature: Feature,
  text: string,
  table: string,
  act: (other: pg.Client) => Promise<unknown>,
): Promise<unknown> {
  const other = await database.connect('crm_owner')
  const reader = await database.connect('crm_owner')
  let acting: Promise<unknown> | undefined
  const removal = actingBefore(
    database,
    text,
    async () => {
      await reader.query(`begin; select from ${table} limit 1`)
      acting = sleep(400).then(async () => {
        await act(other)
        await reader.query('commit')
      })
    },
    // the first attempt waits for a fifth of it: not until PostgreSQL ends a deadlock, which would be with the other
    (db) => removeFeature(db, feature, { lockTimeoutMs: 4_000 }),
  )
  const outcome = await removal.catch((error: unknown) => error)
  await acting
  return outcome
}
