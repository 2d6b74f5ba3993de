import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'pay', columns: { contacts: ['pay'] } }

describe('the cancel of an index build', () => {
  const database = useDatabase()
  beforeEach(async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, pay text);
       create table elsewhere (id int);
       create index paid on contacts (pay);
       insert into contacts select n, 'pay ' || n from generate_series(1, 50) n`,
    )
    await removeFeature(database().db, feature)
  })

  const whenTheBuildHasEnded = async () => {
    for (;;) {
      const building = await database().query(
        `select from pg_stat_activity where datname = current_database() and state = 'active' and query ilike 'create index concurrently%'`,
      )
      if (building.length === 0) return
      await sleep(20)
    }
  }

  test('that comes when the build which was to give way has ended by itself does not hit what the restore does next', async () => {
    await database().query(`alter database ${database().name} set deadlock_timeout = '20s'`)
    const load = await database().connect('crm_owner')
    const { rows } = await load.query<{ pid: number }>('select pg_backend_pid() as pid')
    const holder = await database().connect()
    let loading: Promise<unknown> | undefined
    let late = false
    const pool = createPool(database().ownerUrl, 3)
    beforeQueries(pool, async (query) => {
      if (query.startsWith('CREATE INDEX CONCURRENTLY') && !loading) {
        await load.query(`begin; insert into contacts values (1000, 'loaded')`)
        loading = sleep(300)
          .then(() => load.query('analyze contacts; commit'))
          .catch(() => load.query('rollback'))
      }
      if (!query.includes('pg_cancel_backend') || late) return
      late = true
      // what the restore does after the build takes its time
      await holder.query('begin; lock table unship.statements')
      await database().query(`select pg_cancel_backend(${String(rows[0]?.pid)})`)
      await whenTheBuildHasEnded()
      await sleep(300)
      void sleep(1_000).then(() => holder.query('commit'))
    })
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    try {
      const { outcome, warnings } = await restoreFeature(db, feature)
      expect({ outcome, warnings, late }).toEqual({ outcome: 'restored', warnings: [], late: true })
    } finally {
      await loading
      await db.destroy()
    }
  })

  test.each([
    ['has not reached the server', 'CREATE INDEX CONCURRENTLY'],
    ['is about to begin', 'i.indisvalid as valid'],
  ])('that comes when it %s ends it all the same', async (_, text) => {
    const reader = await database().connect('crm_owner')
    // for whom the build would wait
    await reader.query('begin isolation level repeatable read; select from elsewhere')
    const controller = new AbortController()
    const restoring = actingBefore(
      database(),
      text,
      () => {
        controller.abort()
        return sleep(500)
      },
      (db) => restoreFeature(db, feature, { signal: controller.signal }),
      3,
    )
    await refusal('cancelled', restoring)
    await reader.query('rollback')
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })
})
