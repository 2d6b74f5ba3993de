import { expect, test, describe } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { waitingLine } from '../../src/console/waiting.ts'
import { useDatabase } from '../support/database.ts'
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
