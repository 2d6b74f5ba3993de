import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import {
  abortRemoval,
  abortRestore,
  archiveBackups,
  checkHealth,
  isUnshipError,
  planRemoval,
  purgeKept,
  readStatus,
  removeFeature,
  restoreFeature,
  reviewRemoval,
  reviewRestore,
  type RunOptions,
} from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const db = new Kysely<unknown>({
  dialect: new PostgresDialect({ pool: () => Promise.reject(new Error('the database was asked')) }),
})
const feature = { name: 'f', columns: { h: ['a'] } }
const database = useDatabase()

test.each<[string, object]>([
  ['lockTimeoutMs', { lockTimeoutMs: 1e12 }],
  ['lockTimeoutMs', { lockTimeoutMs: NaN }],
  ['lockTimeoutMs', { lockTimeoutMs: 0 }],
  ['lockTimeoutMs', { lockTimeoutMs: '50' }],
  ['lockAttempts', { lockAttempts: Infinity }],
  ['lockAttempts', { lockAttempts: -1 }],
])('no call asks the database with option %s as of %j', async (option, options) => {
  for (const call of [removeFeature, restoreFeature, abortRemoval, abortRestore, archiveBackups, purgeKept])
    expect(await refusalOf(call(db, feature, options))).toMatch(
      new RegExp(`^option ${option} is not a number from 1 to`),
    )
})

test.each<[string, object]>([
  ['option batchMs is not a number', { batchMs: NaN }],
  ['option maxReplicationLag.bytes is not a number', { maxReplicationLag: { bytes: NaN } }],
  ['option maxReplicationLag.ms is not a number', { maxReplicationLag: { bytes: 1, ms: -1 } }],
  ['option maxReplicationLag.ms is not a number', { maxReplicationLag: { ms: '100' } }],
  ['option maxReplicationLag has "kB"', { maxReplicationLag: { kB: 1 } }],
  ['option maxReplicationLag is not an object', { maxReplicationLag: 1e6 }],
  ['option onProgress is not a function', { onProgress: 'log' }],
  ['option onProgress is not a function', { onProgress: {} }],
  ['option pauseWhile is not a function', { pauseWhile: true }],
  ['option signal is not an AbortSignal', { signal: new AbortController() }],
  ['option signal is not an AbortSignal', { signal: {} }],
  ['option signal is not an AbortSignal', { signal: { aborted: false } }],
])('nor a run: %s', async (message, options) => {
  for (const call of [removeFeature, restoreFeature, abortRemoval, abortRestore])
    expect(await refusalOf(call(db, feature, options))).toContain(message)
})

test.each<[string, object]>([
  ['option actor has a character that no text in PostgreSQL can have', { actor: 'a\0' }],
  ['option reason has a character that no text in PostgreSQL can have', { reason: 'a\0b' }],
  ['option actor is not a text', { actor: 1 }],
  ['option reason is not a text', { reason: new Error('moves') }],
])('nor whatever is written down: %s', async (message, options) => {
  for (const call of [removeFeature, restoreFeature, abortRemoval, abortRestore, archiveBackups, purgeKept])
    expect(await refusalOf(call(db, feature, options))).toContain(message)
})

test('the largest that are taken work', async () => {
  await asOwner(database(), 'create table h (id uuid primary key, a int); insert into h values (gen_random_uuid(), 1)')
  const largest: RunOptions = {
    lockTimeoutMs: 1e9,
    lockAttempts: 1e9,
    batchMs: 1e9,
    maxReplicationLag: { ms: Infinity },
  }
  expect(await removeFeature(database().admin, feature, largest)).toMatchObject({ outcome: 'removed' })
  expect(await restoreFeature(database().admin, feature, largest)).toMatchObject({ outcome: 'restored' })
})

describe('a database that cannot be used', () => {
  const runs = [removeFeature, restoreFeature, abortRemoval, abortRestore]
  const reads = [planRemoval, reviewRemoval, reviewRestore, archiveBackups, purgeKept]
  const calls = (given: any): (() => Promise<unknown>)[] => [
    ...[...runs, ...reads].map((call) => () => call(given, feature)),
    () => readStatus(given),
    () => checkHealth(given),
    () => checkHealth(given, [feature]),
  ]

  test.each([
    undefined,
    null,
    'postgres://me:secret@localhost/crm',
    {},
    Object.create(null),
    new URL('http://me:secret@x'),
  ])('is told of each call: %o is no Kysely', async (given) => {
    for (const call of calls(given)) {
      const message = await refusalOf(call())
      expect(message).toMatch(/^the database that was given is no Kysely instance\nDETAIL: /)
      expect(message).not.toContain('secret')
    }
  })

  test('so is one that was destroyed, and one whose pool has ended', async () => {
    const used = async () => {
      const pool = new pg.Pool({ connectionString: database().ownerUrl })
      const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
      await sql`select 1`.execute(db)
      return { pool, db }
    }
    const { db: ended, pool } = await used()
    await pool.end()
    const { db: destroyed } = await used()
    await destroyed.destroy()
    for (const call of [...calls(ended), ...calls(destroyed)])
      expect(await refusalOf(call())).toMatch(/^the Kysely instance that was given has been destroyed\nDETAIL: /)
  })

  test('and a transaction that has ended, as where the call is not awaited', async () => {
    const { db } = database()
    const kept = await db.transaction().execute((transaction) => Promise.resolve(transaction))
    const controlled = await db.startTransaction().execute()
    await controlled.commit().execute()
    for (const given of [kept, controlled])
      for (const call of [() => removeFeature(given, feature), () => planRemoval(given, feature)])
        expect(await refusalOf(call())).toMatch(/^the transaction that was given has ended\nDETAIL: /)
  })

  test('and one in which something failed, whether Kysely knows of it or not', async () => {
    const { db } = database()
    const failed = /^the transaction that was given has failed before\nDETAIL: {2}current transaction is aborted/
    const all = async (given: typeof db) => {
      await sql`select 1 / 0`.execute(given).catch(() => undefined)
      for (const call of calls(given)) expect(await refusalOf(call())).toMatch(failed)
    }
    const transaction = await db.startTransaction().execute()
    const saved = await transaction.savepoint('before').execute()
    await all(saved)
    await saved.rollbackToSavepoint('before').execute()
    expect(await removeFeature(transaction, { name: 'f', tables: ['gone'] })).toMatchObject({ outcome: 'absent' })
    await transaction.rollback().execute()
    await db.connection().execute(async (connection) => {
      await sql`begin`.execute(connection)
      await all(connection)
      await sql`rollback`.execute(connection)
    })
  })
})

async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (!isUnshipError(error)) throw error
  expect(error.code).toBe('invalid_usage')
  return error.message
}
