import { Kysely, PostgresDialect } from 'kysely'
import { expect, test } from 'vitest'
import {
  abortRemoval,
  abortRestore,
  archiveBackups,
  isUnshipError,
  purgeKept,
  removeFeature,
  restoreFeature,
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
])('nor a run: %s', async (message, options) => {
  for (const call of [removeFeature, restoreFeature, abortRemoval, abortRestore])
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

async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (!isUnshipError(error)) throw error
  expect(error.code).toBe('invalid_usage')
  return error.message
}
