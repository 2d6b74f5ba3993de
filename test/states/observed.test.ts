import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { describe, expect, test } from 'vitest'
import { defineFeature, MigrationDialect, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = defineFeature()({ name: 'f', columns: { t: ['gone'] }, indexes: ['t_slow'] })

// two rows on a page, two milliseconds each: an index build that takes its time
const SLOW = `
  create function slow(int) returns int immutable language plpgsql as 'begin perform pg_catalog.pg_sleep(0.002); return $1; end';
  create table t (id int primary key, filler text, gone int);
  alter table t alter filler set storage plain;
  insert into t select g, repeat('x', 3000), g from generate_series(1, 900) g;
  create index t_slow on t (slow(gone));`

async function restoreObserved(database: TestDatabase, max: number) {
  await asOwner(database, SLOW)
  const events: ProgressEvent[] = []
  const db = new Kysely<any>({ dialect: new MigrationDialect({ pool: createPool(database.ownerUrl, max) }) })
  const migration = {
    up: (migrated: Kysely<any>) => removeFeature(migrated, feature).then(() => undefined),
    down: (migrated: Kysely<any>) =>
      restoreFeature(migrated, feature, { onProgress: (event) => events.push(event) }).then(() => undefined),
  }
  try {
    const provider = { getMigrations: () => Promise.resolve({ a: migration }) }
    const migrator = new Migrator({ db, provider, disableTransactions: true })
    expect((await migrator.migrateToLatest()).error).toBeUndefined()
    expect((await migrator.migrateDown()).error).toBeUndefined()
  } finally {
    await db.destroy()
  }
  return events.flatMap((e) => (e.type === 'progress' && e.what.includes('t_slow') ? [e] : []))
}

describe('a long index build', () => {
  const database = useDatabase()

  test('is watched over a second connection, under a migrator that has but one', async () => {
    const told = await restoreObserved(database(), 2)
    // others than this slow step are seldom seen
    const events = told.filter(({ what }) => what.endsWith(': building index: scanning table'))
    expect(events.length).toBeGreaterThan(1)
    for (const event of events) expect(event).toMatchObject({ phase: 'build', unit: 'blocks' })
    // as many as the fill left, some of them in the place of others
    expect(events.every(({ totalRows }) => totalRows > 450 && totalRows <= 900)).toBe(true)
    const rows = events.map((e) => e.rows)
    expect(rows).toEqual([...rows].sort((a, b) => a - b))
    expect(rows.at(-1)).toBeGreaterThan(100)
  })

  test('is built all the same where the pool has no second connection', async () => {
    expect(await restoreObserved(database(), 1)).toEqual([])
  })
})
