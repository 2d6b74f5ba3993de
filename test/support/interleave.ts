import { Kysely, PostgresDialect } from 'kysely'
import { expect } from 'vitest'
import { beforeQueries, createPool } from './connect.ts'
import type { TestDatabase } from './database.ts'

/** Works as crm_owner over one connection; `act` is done right before each statement with this text in it; one has to come. */
export async function actingBeforeEach<R>(
  database: TestDatabase,
  text: string,
  act: () => Promise<unknown>,
  work: (db: Kysely<any>) => Promise<R>,
): Promise<R> {
  const pool = createPool(database.ownerUrl, 1)
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
): Promise<R> {
  let done = false
  const once = async () => {
    if (done) return
    done = true
    await act()
  }
  return actingBeforeEach(database, text, once, work)
}
