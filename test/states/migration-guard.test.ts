import { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { describe, expect, test } from 'vitest'
import {
  abortRemoval,
  guardMigrations,
  isUnshipError,
  MigrationDialect,
  removeFeature,
  restoreFeature,
  type ProgressEvent,
} from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { failAfter } from './broken.ts'

const first: Migration = {
  up: (db: Kysely<any>) => db.schema.createTable('first').addColumn('id', 'integer').execute(),
  down: (db: Kysely<any>) => db.schema.dropTable('first').execute(),
}

/** The feature's migration, whose `up` or what comes after it may fail. */
const removal = (failing?: (event: ProgressEvent) => void, then?: () => void) => ({
  programPartner,
  up: async (db: Kysely<any>) => {
    await removeFeature(db, programPartner, { ...(failing && { onProgress: failing }) })
    then?.()
  },
  down: (db: Kysely<any>) => restoreFeature(db, programPartner).then(() => undefined),
})

async function migrate(database: TestDatabase, direction: 'up' | 'down', migrations: Record<string, Migration>) {
  const db = new Kysely<any>({ dialect: new MigrationDialect({ pool: createPool(database.ownerUrl, 2) }) })
  try {
    const provider = guardMigrations({ getMigrations: () => Promise.resolve(migrations) })
    const migrator = new Migrator({ db, provider, disableTransactions: true })
    const { error, results } = await (direction === 'up' ? migrator.migrateToLatest() : migrator.migrateDown())
    return { error, done: (results ?? []).map((r) => `${r.migrationName} ${r.status}`) }
  } finally {
    await db.destroy()
  }
}

describe('migrate:down', () => {
  const database = useDatabase({ template: 'demo' })

  test.each([
    ['broke off after its cut-over', removal(failAfter('cut over').onProgress)],
    [
      'has ended without a record',
      removal(undefined, () => {
        throw new Error('of the caller')
      }),
    ],
  ])('after a removal that %s does not undo the migration before it', async (_, broken) => {
    await migrate(database(), 'up', { a: first })
    const before = await readState(database(), { dump: false })
    const up = await migrate(database(), 'up', { a: first, b: broken })
    expect(up).toMatchObject({ error: expect.any(Error) as Error, done: ['b Error'] })

    const { error, done } = await migrate(database(), 'down', { a: first, b: removal() })
    expect(done).toEqual(['a Error'])
    expect(isUnshipError(error) && error.code).toBe('wrong_state')
    expect(String(error)).toContain('migrate:latest')
    expect(await database().query('select * from first')).toEqual([])

    // the ways out
    expect((await migrate(database(), 'up', { a: first, b: removal() })).done).toEqual(['b Success'])
    expect((await migrate(database(), 'down', { a: first, b: removal() })).done).toEqual(['b Success'])
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect((await migrate(database(), 'down', { a: first, b: removal() })).done).toEqual(['a Success'])
  })

  test('undoes it when the broken removal has been taken back', async () => {
    await migrate(database(), 'up', { a: first })
    await migrate(database(), 'up', { a: first, b: removal(failAfter('cut over').onProgress) })
    await abortRemoval(database().db, programPartner)
    expect((await migrate(database(), 'down', { a: first, b: removal() })).done).toEqual(['a Success'])
  })

  test.each([
    ['abortRemoval', abortRemoval],
    ['restoreFeature', restoreFeature],
  ])('does not undo it while %s, which takes the removal back, has not ended', async (name, takeBack) => {
    await migrate(database(), 'up', { a: first })
    const before = await readState(database(), { dump: false })
    await migrate(database(), 'up', { a: first, b: removal(failAfter('cut over').onProgress) })
    const stopped = takeBack(database().db, programPartner, failAfter('fill'))
    await expect(stopped).rejects.toThrow('of the caller')

    const { error, done } = await migrate(database(), 'down', { a: first, b: removal() })
    expect(done).toEqual(['a Error'])
    expect(isUnshipError(error) && error.code).toBe('wrong_state')
    expect(String(error)).toContain('the restore of feature program_partner after it has not finished')

    // what its hint says
    expect(String(error)).toContain(`Run ${name} again`)
    expect(await takeBack(database().db, programPartner)).toMatchObject({ outcome: 'restored' })
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect((await migrate(database(), 'down', { a: first, b: removal() })).done).toEqual(['a Success'])
  })

  test('goes on with a restore of its own that broke off', async () => {
    const failing = {
      ...removal(),
      down: async (db: Kysely<any>) => {
        await restoreFeature(db, programPartner, failAfter('fill'))
      },
    }
    await migrate(database(), 'up', { a: first, b: failing })
    expect((await migrate(database(), 'down', { a: first, b: failing })).done).toEqual(['b Error'])
    expect((await migrate(database(), 'down', { a: first, b: removal() })).done).toEqual(['b Success'])
  })

  test('of a later migration is free while a feature is away', async () => {
    await migrate(database(), 'up', { a: removal(), b: first })
    expect((await migrate(database(), 'down', { a: removal(), b: first })).done).toEqual(['b Success'])
    expect((await migrate(database(), 'down', { a: removal(), b: first })).done).toEqual(['a Success'])
  })
})
