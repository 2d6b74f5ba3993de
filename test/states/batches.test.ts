import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { failAfter } from './broken.ts'

const tokens = defineFeature()({ name: 'tokens', columns: { members: ['token'] } })
const ROWS = 20_000

/** Every row has a token of its own: a default that varies. */
const schema = `
  create table members (id int primary key, name text not null default 'x', token uuid not null default gen_random_uuid());
  insert into members (id) select generate_series(1, 100);`

describe('rows that came in while a varying default was away', () => {
  const database = useDatabase()

  async function removedAndLivedOn() {
    await asOwner(database(), schema)
    await removeFeature(database().db, tokens)
    await asOwner(
      database(),
      `insert into members (id, name) select n, repeat('x', 100) from generate_series(1000, ${String(1000 + ROWS - 1)}) n`,
    )
  }

  test('are filled in batches, with progress', async () => {
    await removedAndLivedOn()
    const events: ProgressEvent[] = []
    await restoreFeature(database().db, tokens, { batchMs: 5, onProgress: (e) => events.push(e) })
    const [found] = await database().query<{ rows: number; tokens: number; transactions: number }>(
      `select count(*)::int as rows, count(distinct token)::int as tokens,
         count(distinct xmin::text)::int as transactions from members where id >= 1000`,
    )
    expect(found).toMatchObject({ rows: ROWS, tokens: ROWS })
    expect(found?.transactions).toBeGreaterThan(5)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'progress', what: 'new rows of members', totalRows: ROWS }),
    )
  })

  test('wait for those that somebody has locked', async () => {
    await removedAndLivedOn()
    const client = await database().connect()
    await restoreFeature(database().db, tokens, {
      onProgress: (event) => {
        if (event.type !== 'phase started' || event.phase !== 'fill') return
        void client.query('begin; select from members where id in (5, 1005) for update')
        setTimeout(() => void client.query('rollback'), 300)
      },
    })
    expect(await database().query('select count(*)::int as left from members where token is null')).toEqual([
      { left: 0 },
    ])
  })
})

describe('batches of filling', () => {
  const database = useDatabase()

  async function removed(db = database().db) {
    await asOwner(database(), schema)
    await removeFeature(db, tokens)
  }
  const hidden = async () => {
    const [{ filled } = { filled: -1 }] = await database().query<{ filled: number }>(
      'select count(unship_hidden_token)::int as filled from members',
    )
    return filled
  }

  test('pause as long as the caller says, holding nothing', async () => {
    await removed()
    const events: ProgressEvent[] = []
    let asked = 0
    await restoreFeature(database().db, tokens, {
      onProgress: (e) => events.push(e),
      pauseWhile: async () => {
        if (++asked > 3) return false
        expect(await hidden()).toBe(0)
        expect(
          await database().query(
            `select state from pg_stat_activity where datname = current_database() and backend_xmin is not null and pid <> pg_backend_pid()`,
          ),
        ).toEqual([])
        return true
      },
    })
    expect(asked).toBeGreaterThan(3)
    expect(events.filter((e) => e.type === 'paused')).toEqual([{ type: 'paused', reason: 'pauseWhile says so' }])
    expect(await database().query('select count(token)::int as filled from members')).toEqual([{ filled: 100 }])
  })

  test('pause while a standby lags behind', async () => {
    await removed(database().admin)
    const standby = await laggingStandby()
    const events: ProgressEvent[] = []
    try {
      await restoreFeature(database().admin, tokens, {
        maxReplicationLag: { bytes: 1_000 },
        onProgress: (event) => {
          events.push(event)
          if (event.type === 'paused') void standby.end()
        },
      })
    } finally {
      await standby.end()
    }
    const [paused] = events.filter((e) => e.type === 'paused')
    expect(paused?.reason).toMatch(/^standby a slow one is \S+ bytes and \S+ ms behind$/)
    expect(await database().query('select count(token)::int as filled from members')).toEqual([{ filled: 100 }])
  })

  test('do not begin where the lag is demanded and cannot be read', async () => {
    await removed()
    const restore = () => restoreFeature(database().db, tokens, { maxReplicationLag: { ms: 100 } })
    await refusedUnchanged(database(), 'missing_privilege', restore)
    // nor go on
    await expect(restoreFeature(database().db, tokens, failAfter('add'))).rejects.toThrow('of the caller')
    await refusedUnchanged(database(), 'missing_privilege', restore)
    expect((await restoreFeature(database().db, tokens)).outcome).toBe('restored')
  })

  test('have no more rows than can be filled in the time, however long one takes', async () => {
    await asOwner(
      database(),
      `${schema}
       create function looked_up(int) returns boolean language plpgsql as $$ begin
         if current_setting('unship.filling', true) = 'on' then perform pg_catalog.pg_sleep(0.005); end if;
         return true;
       end $$;
       alter table members add check (looked_up(id))`,
    )
    await removeFeature(database().db, tokens)
    await asOwner(database(), 'insert into members (id) select generate_series(1001, 1100)')
    await restoreFeature(database().db, tokens, { batchMs: 50 })
    const filled = await database().query<{ old: boolean; most: number; rows: number }>(
      `select old, max(rows)::int as most, sum(rows)::int as rows
       from (select id <= 1000 as old, count(*) as rows from members group by old, xmin) batch group by old order by old`,
    )
    expect(filled).toEqual([expect.objectContaining({ rows: 100 }), expect.objectContaining({ rows: 100 })])
    for (const { most } of filled) expect(most).toBeLessThanOrEqual(10)
  })

  // old versions of rows stay as long as anything on the server has a snapshot of all databases, as a session does that
  // waits to connect to one that another test copies
  test(
    'take rows that lie side by side in turns, so that most stay in their page and out of the indexes',
    { retry: 2 },
    async () => {
      await asOwner(
        database(),
        `create table items (id int primary key, name text not null, token uuid not null default gen_random_uuid())
           with (autovacuum_enabled = false);
         insert into items (id, name) select n, repeat('x', 60) || n from generate_series(1, 80000) n;
         create index items_name on items (name)`,
      )
      const feature = { name: 'item_tokens', columns: { items: ['token'] } }
      const size = async () => {
        const [row] = await database().query<{ heap: number; index: number }>(
          `select pg_relation_size('items')::int as heap, pg_relation_size('items_name')::int as index`,
        )
        return row ?? { heap: NaN, index: NaN }
      }
      const before = await size()
      await removeFeature(database().db, feature)
      await restoreFeature(database().db, feature)
      const after = await size()
      // updated one by one all over, the table would be twice as large
      expect(after.heap / before.heap).toBeLessThan(1.5)
      expect(after.index / before.index).toBeLessThan(1.5)
    },
  )

  /** A replication connection that takes changes and never says how far it has come. */
  async function laggingStandby(): Promise<{ end: () => Promise<void> }> {
    await database().query('create publication nothing')
    await database().query(`select pg_create_logical_replication_slot('slow_${database().name}', 'pgoutput')`)
    const url = new URL(database().url)
    url.searchParams.set('replication', 'database')
    url.searchParams.set('application_name', 'a slow one')
    const { default: pg } = await import('pg')
    const client = new pg.Client({ connectionString: url.href })
    client.on('error', () => undefined)
    await client.connect()
    void client
      .query(
        `START_REPLICATION SLOT slow_${database().name} LOGICAL 0/0 (proto_version '1', publication_names 'nothing')`,
      )
      .catch(() => undefined)
    const seen = async () =>
      (
        await database().query(
          `select from pg_stat_replication where application_name = 'a slow one' and state = 'streaming'`,
        )
      ).length > 0
    while (!(await seen()));
    let ended: Promise<void> | undefined
    return { end: () => (ended ??= client.end()) }
  }
})
