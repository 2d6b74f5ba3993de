import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'

describe('the index builds of a restore give way to others who want the table', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] } }
  beforeEach(async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text);
       create index paid on contacts (pay);
       create table elsewhere (id int);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n`,
    )
    await removeFeature(database().db, feature)
    // who waits for as long finds a deadlock, and is ended by it: time enough for a build to give way on a busy machine
    await database().query(`alter database ${database().name} set deadlock_timeout = '20s'`)
  })
  const restoring = (act: () => Promise<unknown>) =>
    actingBefore(database(), 'CREATE INDEX CONCURRENTLY', act, (db) => restoreFeature(db, feature), 3)

  test('a load that analyzes the table in its transaction', async () => {
    const load = await database().connect('crm_owner')
    let loaded: Promise<unknown> | undefined
    const { outcome, warnings } = await restoring(async () => {
      await load.query(`begin; insert into contacts values (1000, 'loaded')`)
      loaded = sleep(500).then(() => load.query('analyze contacts; commit'))
    })
    await loaded
    expect({ outcome, warnings }).toEqual({ outcome: 'restored', warnings: [] })
  })

  test('somebody who rebuilds its indexes concurrently', async () => {
    const reader = await database().connect('crm_owner')
    const dba = await database().connect('crm_owner')
    let built: Promise<unknown> | undefined
    const { outcome, warnings } = await restoring(async () => {
      // a report on another table, for which both builds wait
      await reader.query('begin isolation level repeatable read; select from elsewhere')
      built = dba.query('reindex table concurrently contacts')
      await sleep(300)
      void sleep(2_000).then(() => reader.query('commit'))
    })
    await built
    expect({ outcome, warnings }).toEqual({ outcome: 'restored', warnings: [] })
  })
})
