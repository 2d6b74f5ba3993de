import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'pay', columns: { contacts: ['pay'] } }

test('the index build of a partition that has come since gives way to a load, and tells whom it waits for', async () => {
  await asOwner(
    database(),
    `create table contacts (id int primary key, pay text) partition by range (id);
     create table contacts_1 partition of contacts for values from (0) to (1000);
     create index paid on contacts (pay);
     insert into contacts select n, 'pay ' || n from generate_series(1, 50) n`,
  )
  await removeFeature(database().db, feature)
  await asOwner(database(), 'create table contacts_2 partition of contacts for values from (1000) to (2000)')
  await database().query(`alter database ${database().name} set deadlock_timeout = '3s'`)
  const load = await database().connect('crm_owner')
  const waiting: ProgressEvent[] = []
  let loaded: Promise<unknown> | undefined
  const { outcome } = await actingBefore(
    database(),
    'create index concurrently',
    async () => {
      await load.query(`begin; insert into contacts values (1000, 'loaded')`)
      // the build has looked for a deadlock by then: the next to look is the load
      loaded = sleep(4_000).then(() => load.query('analyze contacts_2; commit'))
      loaded.catch(() => undefined)
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
  expect({ outcome, told: waiting.length > 0 }).toEqual({ outcome: 'restored', told: true })
})
