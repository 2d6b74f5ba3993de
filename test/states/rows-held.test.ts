import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { describeBlocker } from '../../src/run/blockers.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'pay', columns: { contacts: ['pay'] }, tables: ['payments'] }

describe('a restore says who keeps rows locked', () => {
  const database = useDatabase()
  beforeEach(async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text);
       create index paid on contacts (pay);
       create table payments (id serial primary key, contact int references contacts);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n`,
    )
    await removeFeature(database().db, feature)
  })

  const waitingOf = (events: readonly ProgressEvent[]) =>
    events.flatMap((e) => (e.type === 'waiting' ? e.blockers.map(describeBlocker) : []))

  test.each([
    ['a session that keeps a row locked', '', 'pid PID,'],
    ['a prepared transaction that does', `; prepare transaction 'orphan'`, 'prepared transaction orphan'],
  ])('that are to be filled: %s', async (_, end, named) => {
    const client = await database().connect('crm_owner')
    const [{ pid } = { pid: 0 }] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    const events: ProgressEvent[] = []
    const restoring = actingBefore(
      database(),
      'with filled',
      () => client.query(`begin; update contacts set name = 'x' where id = 7${end}`),
      (db) => restoreFeature(db, feature, { lockAttempts: 3, onProgress: (e) => events.push(e) }),
      2,
    )
    const { detail } = await refusal('locked', restoring)
    await client.query(end === '' ? 'rollback' : `rollback prepared 'orphan'`)
    const words = named.replace('PID', String(pid))
    expect(detail).toContain(words)
    expect(waitingOf(events).join('\n')).toContain(words)
  })
})
