import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import type pg from 'pg'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  defineFeature,
  MigrationDialect,
  planRemoval,
  removeFeature,
  restoreFeature,
  type RunOptions,
} from 'kysely-unship'
import { fillBatchStatement, fillUnlockedStatement } from '../../src/plan/data/fill.ts'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { endWorker, workers } from '../support/workers.ts'

const notes = defineFeature()({ name: 'notes', columns: { members: ['note'] } })

/** Some hundreds of blocks of backup: more than one connection is given alone. */
const schema = `
  create table members (id int primary key, name text not null, note text);
  insert into members select n, 'member ' || n, repeat('x', 100) || n from generate_series(1, 30000) n;
  create index on members (name);`

describe('filling over two connections', () => {
  const database = useDatabase()
  let before: State
  beforeEach(async () => {
    await asOwner(database(), schema)
    before = await readState(database(), { dump: false })
    await removeFeature(database().db, notes)
  })

  const fillers = (running: Promise<unknown>, act?: Parameters<typeof workers>[3]) =>
    workers(database(), 'with filled%', running, act)

  const restored = async () => {
    expect(await readState(database(), { dump: false })).toEqual(before)
  }

  test('fills every row once', async () => {
    const running = restoreFeature(database().db, notes, { batchMs: 5 })
    expect(await fillers(running)).toBe(2)
    expect((await running).hosts).toEqual([{ table: 'members', restored: 30_000, inserted: 0, deleted: 0 }])
    await restored()
  })

  /** Restores over the pool, by one server process. */
  async function restoredByOne(pool: pg.Pool, options: (db: Kysely<any>) => RunOptions = () => ({})) {
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const running = restoreFeature(db, notes, { batchMs: 5, ...options(db) })
    expect(await fillers(running)).toBe(1)
    await running
    await db.destroy()
    await restored()
  }

  test('is left where a server is to use one process only', async () => {
    await database().query(`alter database ${database().name} set max_parallel_maintenance_workers = 0`)
    await restoredByOne(createPool(database().ownerUrl, 3))
  })

  test('is left where there is no second connection to be had', () => restoredByOne(createPool(database().ownerUrl, 1)))

  test('is left where the second connection would work in another role', async () => {
    const pool = createPool(database().url, 3)
    const first = await pool.connect()
    await first.query('set role crm_owner')
    first.release()
    await restoredByOne(pool)
  })

  test('is left where the caller holds filling back, who may need the second connection for it', () =>
    restoredByOne(createPool(database().ownerUrl, 2), (db) => ({
      pauseWhile: async () => (await sql<{ no: boolean }>`select false as no`.execute(db)).rows[0]?.no ?? true,
    })))

  test('keeps no row locked where the client is cut off before it commits', async () => {
    const pool = createPool(database().ownerUrl, 3)
    beforeQueries(pool, (text) => (text === 'commit' ? sleep(4000) : undefined))
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const running = restoreFeature(db, notes, { batchMs: 5 })
    const over = new AbortController()
    const ended = running.finally(() => {
      over.abort()
    })
    let longest = 0
    while (!over.signal.aborted) {
      const [idle] = await database().query<{ ms: number }>(
        `select coalesce(max(extract(epoch from clock_timestamp() - state_change) * 1000), 0)::float8 as ms
         from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
      )
      longest = Math.max(longest, idle?.ms ?? 0)
      await sleep(50)
    }
    await ended
    expect(longest).toBeGreaterThan(300)
    expect(longest).toBeLessThan(2500)
    await db.destroy()
    await restored()
  })

  test('goes on over one when the other dies', async () => {
    const running = restoreFeature(database().db, notes, { batchMs: 5 })
    await fillers(running, { at: 2, about: (pids) => endWorker(database(), 'other', pids) })
    expect((await running).outcome).toBe('restored')
    await restored()
  })

  test("can be run again when the run's own dies", async () => {
    const running = restoreFeature(database().db, notes, { batchMs: 5 })
    const refused = refusal('server_unreachable', running)
    await fillers(running, { at: 2, about: (pids) => endWorker(database(), 'own', pids) })
    await refused
    expect((await restoreFeature(database().db, notes)).outcome).toBe('restored')
    await restored()
  })

  test('ends, both of them, when it is cancelled', async () => {
    const cancel = new AbortController()
    const options: RunOptions = { batchMs: 5, signal: cancel.signal }
    const running = restoreFeature(database().db, notes, options)
    const refused = refusal('cancelled', running)
    await fillers(running, {
      at: 2,
      about: () => {
        cancel.abort()
        return Promise.resolve()
      },
    })
    await refused
    const active = `select count(*)::int as n from pg_stat_activity where datname = current_database() and state = 'active' and query like 'with filled%' and pid <> pg_backend_pid()`
    expect(await database().query(active)).toEqual([{ n: 0 }])
    await restoreFeature(database().db, notes)
    await restored()
  })
})

describe('filling', () => {
  const database = useDatabase()

  test('is done by no session that is not set up for it', async () => {
    await asOwner(database(), schema)
    const [host] = (await planRemoval(database().db, notes)).hosts
    if (!host) throw new Error('no host table')
    await removeFeature(database().db, notes)
    const other = await database().connect('crm_owner')
    const asked: unknown[] = []
    const everything = { from: 0, to: 10_000 }
    await restoreFeature(database().db, notes, {
      pauseWhile: async () => {
        if (asked.length === 0)
          for (const statement of [fillBatchStatement(host, everything), fillUnlockedStatement(host, everything)])
            asked.push((await other.query<{ filled: number }>(statement)).rows[0]?.filled)
        return false
      },
    })
    expect(asked).toEqual([0, 0])
  })

  test("gives rows that came in meanwhile what the caller's own session has for them", async () => {
    const feature = { name: 'tenants', columns: { members: ['tenant'] } }
    await asOwner(
      database(),
      `create function tenant() returns text language sql volatile as $$ select coalesce(current_setting('app.tenant', true), 'nobody') $$;
       create table members (id int primary key, name text, tenant text default tenant())`,
    )
    await removeFeature(database().db, feature)
    await asOwner(database(), `insert into members select n, repeat('y', 100) from generate_series(1, 40000) n`)
    const db = new Kysely<any>({ dialect: new MigrationDialect({ pool: createPool(database().ownerUrl, 3) }) })
    await db.connection().execute(async (connection) => {
      await sql`select set_config('app.tenant', 'seven', false)`.execute(connection)
      await restoreFeature(connection, feature, { batchMs: 5 })
    })
    await db.destroy()
    const tenants = 'select tenant, count(*)::int as rows from members group by 1'
    expect(await database().query(tenants)).toEqual([{ tenant: 'seven', rows: 40_000 }])
  })
})
