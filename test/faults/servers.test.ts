import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { serverUser } from '../../src/embedded/user.ts'
import { Cluster, OWNER } from '../support/cluster.ts'
import { beforeQueries, createPool, urlWith } from '../support/connect.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { refusal } from '../support/refusal.ts'
import { ask, maintain } from './lab.ts'
import { startOwnServer, type OwnServer } from './own-server.ts'
import { readOutcome } from './outcome.ts'
import { startReplica } from './replica.ts'

/** Servers in a state that the tests' common one must not be in. */
async function as<T>(url: string, database: string, work: (db: Kysely<any>) => Promise<T>): Promise<T> {
  const pool = createPool(urlWith(url, { database, user: OWNER, password: OWNER }), 2)
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}

describe('a server that is nearly full', () => {
  let server: OwnServer
  let mounted: string | undefined
  beforeAll(async () => {
    server = await startOwnServer()
    const directory = join(dirname(server.dataDir), 'tiny')
    mkdirSync(directory)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', directory], { stdio: 'ignore' })
      mounted = directory
      const user = serverUser()
      if (user) chownSync(directory, user.uid, user.gid)
    } catch {
      // only root may mount, and not everywhere
    }
  })
  afterAll(async () => {
    await server.crash()
    if (mounted) execFileSync('umount', [mounted])
    await server.remove()
  })

  test('when the copy finds no room the removal is taken back, and succeeds when there is some', async ({ skip }) => {
    if (!mounted) skip('a small file system cannot be mounted here')
    const cluster = await Cluster.prepare(server.url)
    await maintain(server.url, `create tablespace tiny location '${mounted ?? ''}'`)
    const database = `${cluster.prefix}full`
    await maintain(
      server.url,
      `create database ${database} template ${cluster.prefix}template_demo owner ${OWNER} tablespace tiny`,
    )
    const run = (sql: string) => ask(server.url, database, sql)
    const text = `(select string_agg(md5(c.id::text || n), '') from generate_series(1, 50) n)`
    await run(`alter database ${database} set work_mem = '64MB'`) // sorting leaves no files
    await run(`alter table contacts alter column payment_method_notes set storage plain`)
    await run(`update contacts c set payment_method_notes = ${text}`)
    await run(`create table room as select repeat('x', 2000) as x from generate_series(1, 1200)`)
    const fill = `insert into filler select repeat('x', 2000) from generate_series(1, 100)`
    await run(`create table filler (x text); alter table filler alter x set storage plain; checkpoint`)
    await expect(
      (async () => {
        for (;;) await run(fill)
      })(),
    ).rejects.toThrow('No space left on device')
    await run('drop table room; checkpoint')
    const before = await readOutcome(server.url, database)

    const phases: string[] = []
    const onProgress = (event: ProgressEvent) => {
      if (event.type === 'phase started') phases.push(event.phase)
    }
    const removing = as(server.url, database, (db) => removeFeature(db, programPartner, { onProgress }))
    await expect(removing).rejects.toThrow('No space left on device')
    expect(phases).toEqual(['watch', 'copy'])
    expect(await readOutcome(server.url, database)).toEqual(before)

    await run('drop table filler; checkpoint')
    expect((await as(server.url, database, (db) => removeFeature(db, programPartner))).outcome).toBe('removed')
    expect((await as(server.url, database, (db) => restoreFeature(db, programPartner))).outcome).toBe('restored')
    const rows = Object.fromEntries(Object.entries(before.rows).filter(([name]) => !['filler', 'room'].includes(name)))
    expect((await readOutcome(server.url, database)).rows).toMatchObject(rows)
  }, 120_000)
})

describe('a server that waits for a standby with each commit', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startOwnServer()
  })
  afterAll(() => server.remove())

  test('keeps nobody from the tables while the reveal is committed', async () => {
    const cluster = await Cluster.prepare(server.url)
    const database = `${cluster.prefix}standby`
    await maintain(server.url, `create database ${database} template ${cluster.prefix}template_demo owner ${OWNER}`)
    const run = (sql: string) => ask(server.url, database, sql)
    const waitFor = async (standby: string) => {
      await maintain(server.url, `alter system set synchronous_standby_names = '${standby}'`)
      await run('select pg_reload_conf()')
      await sleep(200)
    }
    await as(server.url, database, (db) => removeFeature(db, programPartner))
    const pool = createPool(urlWith(server.url, { database, user: OWNER, password: OWNER }), 1)
    const revealing = new Promise<void>((resolve) => {
      beforeQueries(pool, async (text) => {
        if (!text.startsWith('do ') || !text.includes(`set phase = 'validate'`)) return
        await waitFor('nobody')
        resolve()
      })
    })
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const restoring = restoreFeature(db, programPartner)
    await revealing
    await sleep(1_000)
    try {
      const waiting = `select count(*)::int as n from pg_stat_activity where wait_event = 'SyncRep'`
      expect(await run(waiting)).toEqual([{ n: 1 }])
      await run(`begin; lock table contacts, subscriptions in row exclusive mode nowait; rollback`)
      expect(await run('select count(*)::int as n from program_partner_audit_log')).toEqual([{ n: 3 }])
    } finally {
      await waitFor('')
    }
    expect((await restoring).outcome).toBe('restored')
    await db.destroy()
  }, 60_000)
})

describe('a server with few lock slots', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startOwnServer({ max_locks_per_transaction: '10', max_connections: '12', max_worker_processes: '2' })
  })
  afterAll(() => server.remove())

  test('says so, and a removal of very many tables has changed nothing', async () => {
    const cluster = await Cluster.prepare(server.url)
    const database = `${cluster.prefix}many`
    await maintain(server.url, `create database ${database} template ${cluster.prefix}template_empty owner ${OWNER}`)
    const tables = Array.from({ length: 500 }, (_, n) => `t${String(n)}`)
    // one statement each, or this would need the locks itself
    await as(server.url, database, (db) =>
      db.connection().execute(async (one) => {
        for (const name of tables)
          await one.schema
            .createTable(name)
            .addColumn('id', 'integer', (c) => c.primaryKey())
            .execute()
      }),
    )
    const before = await readOutcome(server.url, database)
    const many = defineFeature()({ name: 'many', tables })
    const error = await refusal(
      'lock_table_too_small',
      as(server.url, database, (db) => removeFeature(db, many)),
    )
    expect(error.hint).toContain('max_locks_per_transaction')
    expect(await readOutcome(server.url, database)).toEqual(before)
    await server.crash()
    await server.start({ max_locks_per_transaction: '256' })
    expect((await as(server.url, database, (db) => removeFeature(db, many))).outcome).toBe('removed')
    expect((await as(server.url, database, (db) => restoreFeature(db, many))).outcome).toBe('restored')
    expect(await readOutcome(server.url, database)).toMatchObject({ definitions: before.definitions, leftovers: [] })
  }, 120_000)
})

describe('a read-only replica', () => {
  test('is refused, by the removal and by the restore, and says where to go', async () => {
    const primary = await startOwnServer({ wal_level: 'replica' })
    let stopReplica: (() => Promise<void>) | undefined
    try {
      const cluster = await Cluster.prepare(primary.url)
      const database = `${cluster.prefix}primary`
      await maintain(primary.url, `create database ${database} template ${cluster.prefix}template_demo owner ${OWNER}`)
      expect(
        (
          await kysely('migrate:latest', {
            DATABASE_URL: urlWith(primary.url, { database, user: OWNER, password: OWNER }),
          })
        ).code,
      ).toBe(0)
      expect(
        (
          await kysely('migrate:down', {
            DATABASE_URL: urlWith(primary.url, { database, user: OWNER, password: OWNER }),
          })
        ).code,
      ).toBe(0)
      const { url, stop } = await startReplica(primary)
      stopReplica = stop
      const error = await refusal(
        'wrong_state',
        as(url, database, (db) => removeFeature(db, programPartner)),
      )
      expect(error.primary).toBe('the server is a read-only replica')
      expect(error.hint).toBe('Connect to the primary server.')
      const { code, output } = await kysely('migrate:latest', {
        DATABASE_URL: urlWith(url, { database, user: OWNER, password: OWNER }),
      })
      expect([code, output]).toEqual([1, expect.stringContaining('the server is a read-only replica')])

      await as(primary.url, database, (db) => removeFeature(db, programPartner))
      const [at] = await ask<{ lsn: string }>(primary.url, database, 'select pg_current_wal_flush_lsn()::text as lsn')
      for (;;) {
        const [seen] = await ask<{ there: boolean }>(
          url,
          database,
          `select pg_last_wal_replay_lsn() >= '${at?.lsn ?? ''}' as there`,
        )
        if (seen?.there) break
      }
      expect(
        (
          await refusal(
            'wrong_state',
            as(url, database, (db) => restoreFeature(db, programPartner)),
          )
        ).primary,
      ).toBe('the server is a read-only replica')
    } finally {
      await stopReplica?.()
      await primary.remove()
    }
  }, 120_000)
})
