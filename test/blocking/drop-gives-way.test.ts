import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'pay', columns: { contacts: ['pay'] } }

/** Once this statement of a run waits for somebody. */
async function whenItWaits(statement: string): Promise<number> {
  for (;;) {
    const [found] = await database().query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and query ilike '${statement}%' and wait_event_type = 'Lock'`,
    )
    if (found) return found.pid
    await sleep(20)
  }
}

test('a restore that goes on and drops the index that a broken build has left gives way, and tells whom it waits for', async () => {
  await asOwner(
    database(),
    `create table contacts (id int primary key, pay text);
     create index paid on contacts (pay);
     insert into contacts select n, 'pay ' || n from generate_series(1, 50) n`,
  )
  await removeFeature(database().db, feature)
  await database().query(`alter database ${database().name} set deadlock_timeout = '3s'`)
  const load = await database().connect('crm_owner')
  const broken = actingBefore(
    database(),
    'CREATE INDEX CONCURRENTLY',
    async () => {
      await load.query(`begin; insert into contacts values (1000, 'loaded')`)
      void whenItWaits('create index concurrently').then((pid) =>
        database().query(`select pg_cancel_backend(${String(pid)})`),
      )
    },
    (db) => restoreFeature(db, feature),
    3,
  )
  await refusal('statement_failed', broken)

  const waiting: ProgressEvent[] = []
  let loaded: Promise<unknown> | undefined
  await actingBefore(
    database(),
    'drop index concurrently',
    () => {
      // it has looked for a deadlock by then: the next to look is the load
      loaded = whenItWaits('drop index concurrently')
        .then(() => sleep(4_000))
        .then(() => load.query('analyze contacts; commit'))
      loaded.catch(() => undefined)
      return Promise.resolve()
    },
    (db) =>
      restoreFeature(db, feature, {
        onProgress: (event) => {
          if (event.type === 'waiting') waiting.push(event)
        },
      }),
    3,
  )
  await loaded
  expect(waiting).not.toEqual([])
})
