import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { ask } from './lab.ts'
import { startOwnServer, type OwnServer } from './own-server.ts'
import { startReplica } from './replica.ts'

const tokens = defineFeature()({ name: 'tokens', columns: { members: ['token'] } })
const ROWS = 10_000

describe('a restore with a streaming replica', () => {
  let primary: OwnServer
  let replica: Awaited<ReturnType<typeof startReplica>>
  let db: Kysely<any>
  const onPrimary = <Row extends object = Record<string, unknown>>(sql: string) => ask<Row>(primary.url, undefined, sql)
  const onReplica = (sql: string) => ask(replica.url, undefined, sql)

  beforeAll(async () => {
    primary = await startOwnServer({ wal_level: 'replica' })
    replica = await startReplica(primary)
    db = new Kysely({ dialect: new PostgresDialect({ pool: createPool(primary.url, 3) }) })
  })
  afterAll(async () => {
    await db.destroy()
    await replica.stop()
    await primary.remove()
  })

  /** Every row is backed up, hence filled again. */
  beforeEach(async () => {
    await onPrimary(`
      drop table if exists members;
      create table members (id int primary key, name text not null default 'x', token uuid not null default gen_random_uuid());
      insert into members (id) select generate_series(1, ${String(ROWS)})`)
    expect((await removeFeature(db, tokens)).outcome).toBe('removed')
    for (;;) {
      const [lag] = await onPrimary<{ caught_up: boolean }>(
        'select replay_lsn >= pg_current_wal_lsn() as caught_up from pg_stat_replication',
      )
      if (lag?.caught_up) break
      await sleep(20)
    }
  })

  const filled = async () =>
    (await onPrimary<{ n: number }>('select count(unship_hidden_token)::int as n from members'))[0]?.n ?? -1

  test.each([
    ['bytes', { bytes: 200_000 }],
    ['milliseconds', { ms: 400 }],
  ])('whose replay stands still pauses when it is too many %s behind, and goes on with it', async (_, limit) => {
    await onReplica('select pg_wal_replay_pause()')
    const events: ProgressEvent[] = []
    let paused: (() => void) | null = null
    const isPaused = new Promise<void>((resolve) => (paused = resolve))
    const restoring = restoreFeature(db, tokens, {
      batchMs: 5,
      maxReplicationLag: limit,
      onProgress: (event) => {
        events.push(event)
        if (event.type !== 'paused') return
        paused?.()
        paused = null
      },
      // small as the table is, it must not be done before a lag can be seen
      pauseWhile: () => (paused === null ? false : sleep(50).then(() => false)),
    })
    await Promise.race([isPaused, restoring])
    const before = await filled()
    expect(before).toBeLessThan(ROWS)
    await sleep(700)
    expect(await filled()).toBe(before)
    await onReplica('select pg_wal_replay_resume()')
    expect(await restoring).toMatchObject({ outcome: 'restored', warnings: [] })
    const reasons = events.flatMap((e) => (e.type === 'paused' ? [e.reason] : []))
    expect(reasons[0]).toMatch(/^standby walreceiver is \d+ bytes and \d+ ms behind$/)
    expect(await onPrimary('select count(token)::int as n, count(distinct token)::int as d from members')).toEqual([
      { n: ROWS, d: ROWS },
    ])
  })

  test('that keeps up is not held up', async () => {
    const events: ProgressEvent[] = []
    const maxReplicationLag = { bytes: 50_000_000, ms: 10_000 }
    await restoreFeature(db, tokens, { maxReplicationLag, onProgress: (e) => events.push(e) })
    expect(events.filter((e) => e.type === 'paused')).toEqual([])
  })
})
