import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { describeBlocker } from '../../src/run/blockers.ts'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'pay', columns: { contacts: ['pay'] } }
const OLD = 'begin isolation level repeatable read; select 1'

describe('a restore, and a snapshot that is older than what it has filled', () => {
  const database = useDatabase()
  beforeEach(async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, pay text);
       create table visits (id int);
       grant select on contacts to crm_app;
       insert into contacts values (1, 'card')`,
    )
    await removeFeature(database().db, feature)
  })

  async function client(role: 'crm_owner' | 'crm_app') {
    const session = await database().connect(role)
    const [{ pid } = { pid: 0 }] = (await session.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
    return { session, pid: `pid ${String(pid)},` }
  }

  /** Restores, and calls `act` when it is told of a wait for this session. */
  async function restoringUntil(pid: string, act: () => Promise<unknown>) {
    let acting: Promise<unknown> | undefined
    const onProgress = (event: ProgressEvent) => {
      if (event.type === 'waiting' && event.blockers.some((b) => describeBlocker(b).startsWith(pid))) acting ??= act()
    }
    const report = await restoreFeature(database().db, feature, { onProgress })
    expect(acting).toBeDefined()
    await acting
    return report
  }

  // a report, or a dump by a snapshot that was exported, which has not come to this table yet
  test.each(['crm_owner', 'crm_app'] as const)('of %s: it waits, and does not show the columns empty', async (role) => {
    const { session, pid } = await client(role)
    await session.query(OLD)
    const report = await restoringUntil(pid, async () => {
      await expect(session.query('select pay from contacts')).rejects.toMatchObject({ code: '42703' })
      await session.query('rollback')
    })
    expect(report.outcome).toBe('restored')
    expect((await session.query('select pay from contacts')).rows).toEqual([{ pay: 'card' }])
  })

  test('that stays for all attempts has it refuse, and go on the next time', async () => {
    const { session, pid } = await client('crm_app')
    await session.query(OLD)
    const { message, detail } = await refusal('locked', restoreFeature(database().db, feature, { lockAttempts: 3 }))
    expect(message).toContain('snapshots from before its values were restored')
    expect(detail).toContain(pid)
    await session.query('rollback')
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })

  test('an old transaction that has none, and statements that come one after the other beside it, are not waited for', async () => {
    const { session: writer } = await client('crm_owner')
    await writer.query('begin; insert into visits values (1)')
    const { session: reader } = await client('crm_app')
    const over = new AbortController()
    const reading = (async () => {
      while (!over.signal.aborted) await reader.query('select pg_sleep(0.2)')
    })()
    const report = await restoreFeature(database().db, feature, { lockAttempts: 30 }).finally(() => {
      over.abort()
    })
    await reading
    await writer.query('rollback')
    expect(report.outcome).toBe('restored')
  })

  test('a migrator that waits for its lock is not waited for', async () => {
    const { session: migrator } = await client('crm_owner')
    const { session: waiting } = await client('crm_owner')
    await migrator.query('select pg_advisory_lock(7)')
    const locked = waiting.query('select pg_advisory_lock(7)')
    await sleep(100)
    const report = await restoreFeature(database().db, feature, { lockAttempts: 3 })
    await migrator.query('select pg_advisory_unlock(7)')
    await locked
    expect(report.outcome).toBe('restored')
  })
})
