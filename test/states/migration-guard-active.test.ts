import { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { beforeEach, expect, test } from 'vitest'
import {
  abortRemoval,
  defineFeature,
  guardMigrations,
  MigrationDialect,
  removeFeature,
  restoreFeature,
} from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { failAfter } from './broken.ts'

const database = useDatabase()
beforeEach(() => database().query('create table h (id uuid primary key, a int); alter table h owner to crm_owner'))

const feature = defineFeature()({ name: 'f', columns: { h: ['a'] } })
const other: Migration = {
  up: (db: Kysely<any>) => db.schema.createTable('other').addColumn('id', 'integer').execute(),
  down: (db: Kysely<any>) => db.schema.dropTable('other').execute(),
}
const removal = (options = {}) => ({
  feature,
  up: (db: Kysely<any>) => removeFeature(db, feature, options).then(() => undefined),
  down: (db: Kysely<any>) => restoreFeature(db, feature).then(() => undefined),
})

async function migrate(direction: 'up' | 'down', migrations: Record<string, Migration>) {
  const db = new Kysely<any>({ dialect: new MigrationDialect({ pool: createPool(database().ownerUrl, 2) }) })
  try {
    const provider = guardMigrations({ getMigrations: () => Promise.resolve(migrations) })
    const migrator = new Migrator({ db, provider, disableTransactions: true })
    const { error, results } = await (direction === 'up' ? migrator.migrateToLatest() : migrator.migrateDown())
    return { error: String(error), done: (results ?? []).map((r) => `${r.migrationName} ${r.status}`) }
  } finally {
    await db.destroy()
  }
}

/** Does some work while another session waits for locks that a report holds. */
async function during<T>(call: typeof abortRemoval | typeof restoreFeature, work: () => Promise<T>): Promise<T> {
  const holder = await database().connect()
  await holder.query('begin; select count(*) from h')
  let waits: () => void = () => undefined
  const waiting = new Promise<void>((resolve) => (waits = resolve))
  const called = call(database().db, feature, {
    onProgress: ({ type }) => {
      if (type === 'waiting') waits()
    },
  })
  try {
    // should it end without a wait, the test is told why
    await Promise.race([waiting, called])
    return await work()
  } finally {
    await holder.query('rollback')
    await called
  }
}

test.each([
  ['abortRemoval', abortRemoval],
  ['restoreFeature', restoreFeature],
])('migrate:down does not undo the migration before a broken removal while %s takes that back', async (_, takeBack) => {
  await migrate('up', { a: other, b: removal(failAfter('cut over')) })
  const { done, error } = await during(takeBack, () => migrate('down', { a: other, b: removal() }))
  expect(done).toEqual(['a Error'])
  expect(error).toContain('is under way in another session')
  expect(error).toContain('Wait for it to end')
  expect(await database().query('select * from other')).toEqual([])

  // what its hint says
  expect((await migrate('down', { a: other, b: removal() })).done).toEqual(['a Success'])
})

test('a restore that is under way does not keep migrate:down from a later migration than the one on record', async () => {
  const migrations = { a: removal(), b: other }
  await migrate('up', migrations)
  expect((await during(restoreFeature, () => migrate('down', migrations))).done).toEqual(['b Success'])
})
