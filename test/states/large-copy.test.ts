import { Kysely, PostgresDialect } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { copyStretchStatement } from '../../src/plan/data/backup.ts'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { endWorker, workers } from '../support/workers.ts'

const ROWS = 120_000
const feature = defineFeature()({ name: 'flag', columns: { contacts: ['flag'] } })

/** Some 90 MB: more than is copied by one statement. */
const schema = `
  create table contacts (id int primary key, filler text, flag boolean);
  grant select, update on contacts to crm_app;
  alter table contacts alter column filler set storage plain;
  insert into contacts select n, repeat('x', 700), case when n % 3 = 0 then true end from generate_series(1, ${String(ROWS)}) n;
  analyze contacts;`

interface Kept {
  id: number
  flag: boolean
}

const ids = Array.from({ length: ROWS }, (_, i) => i + 1)
const flagged: Kept[] = ids.filter((id) => id % 3 === 0).map((id) => ({ id, flag: true }))

describe('a host table too large for one statement', () => {
  const database = useDatabase()
  beforeEach(() => asOwner(database(), schema))

  const kept = () => database().query<Kept>('select id, flag from backup_flag_contacts order by id')
  const copiers = (running: Promise<unknown>, act?: Parameters<typeof workers>[3]) =>
    workers(database(), 'with going_on%', running, act)

  test('is copied in slices of one snapshot, with writers, and tells how far it is', async () => {
    const app = await database().connect('crm_app')
    const events: ProgressEvent[] = []
    let changes: Promise<unknown> = Promise.resolve()
    const removed = await removeFeature(database().db, feature, {
      onProgress: (event) => {
        events.push(event)
        // rows move to the end of the table, and values come and go, while it is copied
        if (event.type === 'phase started' && event.phase === 'copy')
          changes = app.query(
            `update contacts set flag = case when id % 2 = 0 then not coalesce(flag, false) end where id % 1000 = 0`,
          )
      },
    })
    await changes
    const progress = events.filter((e) => e.type === 'progress' && e.phase === 'copy')
    expect(progress.length).toBeGreaterThan(0)
    expect(progress.every((e) => e.type === 'progress' && e.what === 'contacts' && e.rows <= e.totalRows + 1)).toBe(
      true,
    )

    const expected = ids.flatMap((id) => {
      const before = id % 3 === 0 ? true : null
      const flag = id % 1000 === 0 ? (id % 2 === 0 ? !(before ?? false) : null) : before
      return flag === null ? [] : [{ id, flag }]
    })
    expect(await kept()).toEqual(expected)
    expect(removed.backups[0]?.rows).toBe(expected.length)
  })

  test('is copied over two connections, each row once', async () => {
    const running = removeFeature(database().db, feature)
    expect(await copiers(running)).toBe(2)
    await running
    expect(await kept()).toEqual(flagged)
  })

  test('is copied over two connections in one snapshot: rows that move meanwhile are neither missed nor copied twice', async () => {
    const app = await database().connect('crm_app')
    const over = new AbortController()
    const moveRows = async () => {
      let n = 0
      for (; !over.signal.aborted; n++)
        await app.query(
          'update contacts set filler = filler where id = any (array(select generate_series($1::int, $2, 400)))',
          [40_000 + (n % 400), ROWS],
        )
      return n
    }
    let moved: Promise<number> | undefined
    await removeFeature(database().db, feature, {
      onProgress: (event) => {
        // pages are full, so they move to the end, and what is removed does not change
        if (event.type === 'phase done' && event.phase === 'watch') moved ??= moveRows()
        if (event.type === 'phase done' && event.phase === 'copy') over.abort()
      },
    })
    expect(await moved).toBeGreaterThan(1)
    expect(await kept()).toEqual(flagged)
  })

  test('is copied with the rows that moved to its end just before the snapshot', async () => {
    const app = await database().connect('crm_app')
    const pool = createPool(database().ownerUrl, 1)
    beforeQueries(pool, (text) =>
      text.startsWith('begin isolation level')
        ? app.query('update contacts set filler = filler where id % 6 = 0')
        : undefined,
    )
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    await removeFeature(db, feature)
    await db.destroy()
    expect(await kept()).toEqual(flagged)
  })

  test('is not rewritten while it is copied', async () => {
    const cluster = await database().connect('crm_owner')
    await cluster.query("set lock_timeout = '1ms'")
    const tried: unknown[] = []
    const pool = createPool(database().ownerUrl, 1)
    beforeQueries(pool, async (text) => {
      if (!text.startsWith('with going_on')) return
      tried.push(await cluster.query('cluster contacts using contacts_pkey').catch((error: unknown) => error))
    })
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    await removeFeature(db, feature)
    await db.destroy()
    expect(tried.length).toBeGreaterThan(1)
    for (const result of tried) expect(result).toMatchObject({ code: '55P03' })
  })

  test('is copied over one when the other dies', async () => {
    const running = removeFeature(database().db, feature)
    await copiers(running, { at: 2, about: (pids) => endWorker(database(), 'other', pids) })
    await running
    expect(await kept()).toEqual(flagged)
  })

  test("can be copied again when the run's own dies", async () => {
    const running = removeFeature(database().db, feature)
    const refused = refusal('server_unreachable', running)
    await copiers(running, { at: 2, about: (pids) => endWorker(database(), 'own', pids) })
    await refused
    await removeFeature(database().db, feature)
    expect(await kept()).toEqual(flagged)
    await restoreFeature(database().db, feature)
  })

  test('is not copied by a process that comes late, after the run was taken back', async () => {
    const [host] = (await planRemoval(database().db, feature)).hosts
    if (!host) throw new Error('no host table')
    const late = await database().connect('crm_owner')
    const cancel = new AbortController()
    let snapshot: Promise<unknown> = Promise.resolve()
    const cancelled = removeFeature(database().db, feature, {
      signal: cancel.signal,
      onProgress: (event) => {
        if (event.type !== 'progress' || cancel.signal.aborted) return
        snapshot = late.query<{ id: string }>(
          'begin isolation level repeatable read; select max(id) as id from unship.runs',
        )
        cancel.abort()
      },
    })
    await refusal('cancelled', cancelled)
    await snapshot
    const [run] = await database().query<{ id: string }>('select max(id)::text as id from unship.runs')
    const stretch = { table: host.table, from: 0, to: 10_000 }
    const copy = copyStretchStatement(host, run?.id ?? '', stretch, { hash: () => '0', counts: [] })
    await asOwner(database(), 'create table backup_flag_contacts (id int, flag boolean, backed_up_at timestamptz)')
    await expect(late.query(copy)).rejects.toMatchObject({ code: '40001' })
    expect(await kept()).toEqual([])
  })
})
