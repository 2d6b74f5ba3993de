import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

describe('an index of a partition that has come since the removal', () => {
  const database = useDatabase()
  test('gets its name without anybody waiting for a reader that is idle in its transaction', async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text) partition by range (id);
       create table contacts_1 partition of contacts for values from (0) to (100);
       create index on contacts (pay);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n`,
    )
    const feature = { name: 'pay', columns: { contacts: ['pay'] } }
    await removeFeature(database().db, feature)
    await asOwner(
      database(),
      `create table contacts_2 partition of contacts for values from (100) to (200);
       insert into contacts select n, 'n' || n from generate_series(101, 150) n`,
    )
    const reader = await database().connect('crm_owner')
    const client = await database().connect('crm_owner')
    let work: Promise<unknown> | undefined
    const { outcome } = await actingBefore(
      database(),
      'rename column',
      async () => {
        // it reads only now: CREATE INDEX CONCURRENTLY would have waited for it
        await reader.query('begin; select count(*) from contacts_2 where id = 101')
        // and stays until the client, who comes while we wait for it, has its answer
        work = sleep(300)
          .then(() => client.query('select name from contacts_2 where id = 102'))
          .then(() => reader.query('commit'))
      },
      (db) => restoreFeature(db, feature),
    )
    await work
    expect(outcome).toBe('restored')
  })
})
