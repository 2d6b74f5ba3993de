import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, describe } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { waitingLine } from '../../src/console/waiting.ts'
import { describeBlocker } from '../../src/run/blockers.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('an index build that waits for an old snapshot', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] } }

  test('tells for whom, can be cancelled, and is gone on with', async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text); create index on contacts (pay);
       create table elsewhere (id int);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 1000) n`,
    )
    await removeFeature(database().db, feature)
    const reader = await database().connect('crm_owner')
    await reader.query('begin isolation level repeatable read; select from elsewhere')
    const controller = new AbortController()
    const waiting: (ProgressEvent & { type: 'waiting' })[] = []
    const restoring = restoreFeature(database().db, feature, {
      signal: controller.signal,
      onProgress: (event) => {
        if (event.type !== 'waiting') return
        waiting.push(event)
        controller.abort()
      },
    })
    // the reader stays: nothing else ends it
    await refusal('cancelled', restoring)
    const [told] = waiting
    expect(told).toMatchObject({
      phase: 'build',
      blockers: [
        { user: 'crm_owner', state: 'idle in transaction', query: expect.stringContaining('elsewhere') as unknown },
      ],
    })
    expect(told && waitingLine(told)).toBe('build: waiting for 1 session')
    await reader.query('commit')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})

describe('an index build that waits for a prepared transaction names it', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] } }

  test.each([
    ['which has written the table', `update contacts set name = 'x' where id = 7`, 'a lock'],
    ['which has locked it against builds', 'lock table contacts in share update exclusive mode', 'public.contacts'],
  ])('%s', async (_, sql, held) => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text); create index on contacts (pay);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n`,
    )
    await removeFeature(database().db, feature)
    const client = await database().connect('crm_owner')
    const told: string[] = []
    await actingBefore(
      database(),
      'CREATE INDEX CONCURRENTLY',
      async () => {
        await client.query(`begin; ${sql}; prepare transaction 'orphan'`)
        void sleep(2_000).then(() => client.query(`commit prepared 'orphan'`))
      },
      (db) =>
        restoreFeature(db, feature, {
          onProgress: (e) => {
            if (e.type === 'waiting') told.push(e.blockers.map(describeBlocker).join('; '))
          },
        }),
      3,
    )
    expect(told[0]).toMatch(/^prepared transaction orphan of crm_owner, for [0-9.]+ s holds /)
    expect(told[0]?.endsWith(` holds ${held}`)).toBe(true)
  })
})
