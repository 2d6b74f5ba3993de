import { Kysely, PostgresDialect } from 'kysely'
import type { QueryConfig } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  abortRemoval,
  archiveBackups,
  checkHealth,
  planRemoval,
  purgeKept,
  readStatus,
  removeFeature,
  restoreFeature,
  reviewRemoval,
} from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'vip', columns: { contacts: ['vip'] } }
const rows = () => database().query('select * from contacts order by id')

beforeEach(() =>
  asOwner(
    database(),
    'create table contacts (id int primary key, vip text); insert into contacts values (1, \'a "b" \\ c\'), (2, null)',
  ),
)

/** What a driver makes of a query before it is sent. */
type Change = (query: QueryConfig) => QueryConfig & { queryMode?: 'extended' }

/** A Kysely over a driver that is pg, but for this. */
function over(change: Change): Kysely<any> {
  const pool = createPool(database().ownerUrl, 3)
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (query: QueryConfig) => Promise<unknown>
    Object.assign(client, { query: (text: string, values: unknown[] = []) => query(change({ text, values })) })
  })
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  opened.push(db)
  return db
}

const opened: Kysely<any>[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((db) => db.destroy()))
})

/** A value as JSON, where the statement says that it is: postgres.js does so by the type that the server infers. */
const jsonByType: Change = ({ text, values = [] }) => ({
  text,
  values: values.map((value, i) =>
    new RegExp(`\\$${String(i + 1)}::(pg_catalog\\.)?jsonb?\\b`).test(text)
      ? JSON.stringify(value)
      : (value as unknown),
  ),
})

test('a driver that makes JSON of what is typed as JSON removes and restores, and the ledger can be read', async () => {
  const before = await rows()
  const db = over(jsonByType)
  expect((await removeFeature(db, feature)).outcome).toBe('removed')
  expect(await readStatus(database().db)).toMatchObject([{ feature: 'vip', state: 'removed', damaged: null }])
  expect(await database().query('select declaration, counts from unship.runs')).toEqual([
    { declaration: feature, counts: expect.any(Object) },
  ])
  expect((await restoreFeature(db, feature)).outcome).toBe('restored')
  expect(await rows()).toEqual(before)
})

describe.each<[string, Change, RegExp]>([
  [
    'prepares every statement, as PGlite does',
    (query) => ({ ...query, queryMode: 'extended' }),
    /^It does not send several statements in one message: cannot insert multiple commands into a prepared statement\.$/,
  ],
  [
    'makes JSON of every text',
    ({ text, values = [] }) => ({ text, values: values.map((value) => JSON.stringify(value)) }),
    /^A text that is JSON does not arrive as it is\.$/,
  ],
  [
    'escapes texts',
    ({ text, values = [] }) => ({ text, values: values.map((v) => String(v).replaceAll('"', '\\"')) }),
    /^A text that is JSON does not arrive as it is: invalid input syntax for type json\.$/,
  ],
])('a driver that %s is refused', (_, change, detail) => {
  const calls = [removeFeature, restoreFeature, abortRemoval, planRemoval, reviewRemoval, archiveBackups, purgeKept]

  test('by each call, before anything changes', async () => {
    const db = over(change)
    for (const call of calls) {
      const error = await refusedUnchanged(database(), 'server_not_supported', () => call(db, feature))
      expect(error.detail).toMatch(detail)
      expect(error.hint).toContain('Use the driver pg')
    }
    await refusal('server_not_supported', readStatus(db, [feature]))
    await refusal('server_not_supported', checkHealth(db, [feature]))
  })

  test('in a transaction, which can go on', async () => {
    await over(change)
      .transaction()
      .execute(async (transaction) => {
        await refusal('server_not_supported', removeFeature(transaction, feature))
        await transaction.insertInto('contacts').values({ id: 3 }).execute()
      })
    expect(await rows()).toHaveLength(3)
  })
})
