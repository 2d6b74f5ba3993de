import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'pay', columns: { contacts: ['pay'] } }

test('an index build gives way to a load after somebody has ended the connection that watches it', async () => {
  await asOwner(
    database(),
    `create table contacts (id int primary key, pay text);
     create index paid on contacts (pay);
     insert into contacts select n, 'pay ' || n from generate_series(1, 50) n`,
  )
  await removeFeature(database().db, feature)
  await database().query(`alter database ${database().name} set deadlock_timeout = '3s'`)
  const load = await database().connect('crm_owner')
  // it comes when the build has begun
  const endWatcher = async () => {
    for (;;) {
      const ended = await database().query(
        `select pg_terminate_backend(w.pid) from pg_stat_activity w
         join pg_stat_activity b on b.datname = w.datname and b.query ilike 'create index concurrently%' and b.state = 'active'
         where w.datname = current_database() and w.usename = 'crm_owner' and w.backend_start > b.query_start`,
      )
      if (ended.length > 0) return
      await sleep(20)
    }
  }
  let loaded: Promise<unknown> | undefined
  const { outcome } = await actingBefore(
    database(),
    'CREATE INDEX CONCURRENTLY',
    async () => {
      await load.query(`begin; insert into contacts values (1000, 'loaded')`)
      // the build has looked for a deadlock by then: the next to look is the load
      loaded = endWatcher()
        .then(() => sleep(4_000))
        .then(() => load.query('analyze contacts; commit'))
      loaded.catch(() => undefined)
    },
    (db) => restoreFeature(db, feature),
    3,
  )
  await loaded
  expect(outcome).toBe('restored')
})
