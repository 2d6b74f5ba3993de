import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type RunOptions } from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

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

  /** The server processes that fill, and what `act` does about them once there are so many. */
  async function fillers(running: Promise<unknown>, act?: { at: number; about: (pids: number[]) => Promise<void> }) {
    const client = await database().connect('admin')
    const seen = new Set<number>()
    const over = new AbortController()
    void running
      .catch(() => undefined)
      .finally(() => {
        over.abort()
      })
    while (!over.signal.aborted) {
      const { rows } = await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and query like 'with filled%' and pid <> pg_backend_pid()`,
      )
      rows.forEach(({ pid }) => seen.add(pid))
      if (act && seen.size >= act.at) {
        await act.about([...seen])
        act = undefined
      }
      await sleep(2)
    }
    return seen.size
  }

  const restored = async () => {
    expect(await readState(database(), { dump: false })).toEqual(before)
  }

  test('fills every row once', async () => {
    const running = restoreFeature(database().db, notes, { batchMs: 5 })
    expect(await fillers(running)).toBe(2)
    expect((await running).hosts).toEqual([{ table: 'members', restored: 30_000, inserted: 0, deleted: 0 }])
    await restored()
  })

  test('is left where a server is to use one process only', async () => {
    await database().query(`alter database ${database().name} set max_parallel_maintenance_workers = 0`)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(database().ownerUrl, 3) }) })
    const running = restoreFeature(db, notes, { batchMs: 5 })
    expect(await fillers(running)).toBe(1)
    await running
    await db.destroy()
    await restored()
  })

  test('is left where there is no second connection to be had', async () => {
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(database().ownerUrl, 1) }) })
    const running = restoreFeature(db, notes, { batchMs: 5 })
    expect(await fillers(running)).toBe(1)
    await running
    await db.destroy()
    await restored()
  })

  test('is left where the second connection would work in another role', async () => {
    const pool = createPool(database().url, 3)
    const first = await pool.connect()
    await first.query('set role crm_owner')
    first.release()
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const running = restoreFeature(db, notes, { batchMs: 5 })
    expect(await fillers(running)).toBe(1)
    await running
    await db.destroy()
    await restored()
  })

  test('can be run again after either of them has died', async () => {
    for (const which of [0, 1]) {
      const running = restoreFeature(database().db, notes, { batchMs: 5 })
      const refused = refusal('server_unreachable', running)
      await fillers(running, {
        at: 2,
        about: async (pids) => {
          await database().query(`select pg_terminate_backend(${String(pids[which])}, 1000)`)
        },
      })
      await refused
    }
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

  test('pauses as one', async () => {
    let asked = 0
    let paused: number | undefined
    const hidden = async () =>
      Number((await database().query<{ n: number }>('select count(unship_hidden_note)::int as n from members'))[0]?.n)
    await restoreFeature(database().db, notes, {
      batchMs: 5,
      pauseWhile: async () => {
        if (++asked !== 5) return false
        // the batch that the other connection has begun
        await sleep(200)
        paused = await hidden()
        await sleep(200)
        expect(await hidden()).toBe(paused)
        return false
      },
    })
    expect(paused).toBeGreaterThan(0)
    expect(paused).toBeLessThan(30_000)
    await restored()
  })
})
