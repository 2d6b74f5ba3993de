import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { abortRemoval, removeFeature, type ProgressEvent } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { readTraces, refusal } from '../support/refusal.ts'

const database = useDatabase({ template: 'demo' })
const impatient = { lockTimeoutMs: 20, lockAttempts: 3 }

/** A session that holds what this SQL locks, idle in its transaction. */
async function hold(sql: string, application = 'a report'): Promise<{ client: pg.Client; pid: number }> {
  const client = await database().connect()
  await client.query(`set application_name = '${application}'; begin; ${sql}`)
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return { client, pid: rows[0]?.pid ?? 0 }
}

const aborted = { tables: [], onHosts: [], watches: [], runs: ['removal: aborted'] }

describe('a removal that does not get its locks', () => {
  test.each([
    ['a reader', 'select count(*) from contacts'],
    ['a writer', `update contacts set phone = '+43' where email = 'contact5@example.org'`],
    ['a reader of a table of the feature', 'select count(*) from program_partner_audit_log'],
    ['a reader of a view of the feature', 'select count(*) from program_partner_compliance'],
    ['a writer of the other host table', `insert into subscriptions select * from subscriptions where false`],
  ])('because of %s names it, and has changed nothing', async (_, sql) => {
    const before = await readState(database(), { dump: false })
    const { client, pid } = await hold(sql)
    const error = await refusal('locked', removeFeature(database().db, programPartner, impatient))
    expect(error.primary).toMatch(/^could not lock .*contacts.* for phase "watch" of feature program_partner$/)
    expect(error.detail).toContain('3 attempts of up to 20 ms failed')
    expect(error.detail).toMatch(
      new RegExp(
        `^pid ${String(pid)}, user crm_owner \\(a report\\), idle in transaction, for \\d+\\.\\d s, holds \\S+: `,
        'm',
      ),
    )
    expect(error.detail).toContain('pg_backend_pid')
    await client.query('rollback')
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await readTraces(database())).toEqual(aborted)
  })

  test('because of several names them all, the oldest first', async () => {
    const first = await hold('select count(*) from contacts', 'first')
    const second = await hold('select count(*) from program_partner_audit_log', 'second')
    const error = await refusal('locked', removeFeature(database().db, programPartner, impatient))
    const pids = [...(error.detail ?? '').matchAll(/^pid (\d+)/gm)].map((m) => Number(m[1]))
    expect(pids).toEqual([first.pid, second.pid])
  })

  test('because of another role names it; its query is for pg_read_all_stats', async () => {
    const app = await database().connect('crm_app')
    await app.query('begin; select count(*) from contacts')
    const error = await refusal('locked', removeFeature(database().db, programPartner, impatient))
    // sessions of other roles than the owner's begin as the server's superuser
    const user = new URL(database().url).username
    expect(error.detail).toMatch(
      new RegExp(`^pid \\d+, user ${user}, holds public\\.contacts \\(.*pg_read_all_stats\\)\\.$`, 'm'),
    )
  })

  test('because of a prepared transaction names it', async ({ skip }) => {
    const [setting] = await database().query<{ max_prepared_transactions: string }>('show max_prepared_transactions')
    if (setting?.max_prepared_transactions === '0') skip('the server allows no prepared transactions')
    const { client } = await hold(`update contacts set phone = '+43' where email = 'contact5@example.org'`)
    const gid = `${database().name}_payment`
    await client.query(`prepare transaction '${gid}'`)
    const error = await refusal('locked', removeFeature(database().db, programPartner, impatient))
    expect(error.detail).toMatch(
      new RegExp(`^prepared transaction ${gid} of crm_owner, for .* s holds public.contacts`, 'm'),
    )
    await client.query(`rollback prepared '${gid}'`)
    expect((await removeFeature(database().db, programPartner, impatient)).outcome).toBe('removed')
  })

  test('at first goes on when they are let go, and tells of the wait', async () => {
    const { client, pid } = await hold('select count(*) from contacts')
    const events: ProgressEvent[] = []
    const report = await removeFeature(database().db, programPartner, {
      lockTimeoutMs: 20,
      onProgress: (event) => {
        events.push(event)
        const waits = events.filter((e) => e.type === 'waiting').length
        if (waits === 4 && event.type === 'waiting') void client.query('rollback')
      },
    })
    expect(report.outcome).toBe('removed')
    const waits = events.filter((e) => e.type === 'waiting')
    expect(waits.length).toBeGreaterThanOrEqual(4)
    expect(waits.map((w) => w.attempt)).toEqual(waits.map((_, i) => i + 1))
    expect(waits[0]).toMatchObject({
      phase: 'watch',
      attempts: 300,
      blockers: [{ pid, user: 'crm_owner', application: 'a report', state: 'idle in transaction', prepared: null }],
    })
    expect(report.phases.find((p) => p.phase === 'watch')?.attempts).toBe(waits.length + 1)
    expect(report.phases.find((p) => p.phase === 'cut over')?.attempts).toBe(1)
  })

  test('waits less in the first attempts than in the later ones', async () => {
    const { client } = await hold('select count(*) from contacts')
    const waits: number[] = []
    let since = performance.now()
    await refusal(
      'locked',
      removeFeature(database().db, programPartner, {
        lockTimeoutMs: 1000,
        lockAttempts: 6,
        onProgress: (event) => {
          if (event.type === 'waiting') waits.push(performance.now() - since)
          since = performance.now() + (event.type === 'waiting' ? event.retryInMs : 0)
        },
      }),
    )
    expect(waits).toHaveLength(5)
    expect(waits[0]).toBeLessThan(600)
    expect(waits[4]).toBeGreaterThan(900)

    const last = performance.now()
    await refusal('locked', removeFeature(database().db, programPartner, { lockTimeoutMs: 1000, lockAttempts: 2 }))
    expect(performance.now() - last).toBeGreaterThan(1100)
    await client.query('rollback')
  })

  test('holds other clients up for no longer than the lock timeout', async () => {
    const { client } = await hold('select count(*) from contacts')
    const other = await database().connect()
    const state = { running: true }
    const removal = removeFeature(database().db, programPartner, { lockTimeoutMs: 30, lockAttempts: 12 })
    const failed = refusal('locked', removal).finally(() => (state.running = false))
    const waits: number[] = []
    while (state.running) {
      const started = performance.now()
      await other.query(`select count(*) from contacts where email = 'contact5@example.org'`)
      waits.push(performance.now() - started)
    }
    await failed
    await client.query('rollback')
    expect(waits.length).toBeGreaterThan(10)
    // 30 ms and the server's own time; a machine under load gets some more
    expect(Math.max(...waits)).toBeLessThan(300)
  })
})

describe('a blocker that comes between copy and cut-over and stays', () => {
  const removeAgainst = async () => {
    const { client, pid } = await hold('rollback')
    const read = () => client.query('begin; select count(*) from contacts')
    const error = await refusal(
      'locked',
      actingBefore(database(), "set phase = 'verify'", read, (db) => removeFeature(db, programPartner, impatient)),
    )
    return { error, client, pid }
  }

  test('leaves the watch and the backups, says what to do, and is taken back by abortRemoval', async () => {
    const before = await readState(database())
    const { error, client, pid } = await removeAgainst()
    expect(error.primary).toContain('broke off')
    expect(error.detail).toContain(`pid ${String(pid)}`)
    expect(error.detail).toContain('cut over')
    expect(error.hint).toContain('abortRemoval')
    expect(error.hint).toContain('migrate:down')
    const left = await readTraces(database())
    expect(left.tables).toEqual(['backup_program_partner_contacts', 'backup_program_partner_subscriptions'])
    expect(left.onHosts).toHaveLength(8)
    expect(left.runs).toEqual(['removal: running'])

    // the application works on, its feature too
    const app = await database().connect('crm_app')
    await app.query(`select add_program_partner_status(id, 'late') from contacts where email = 'contact1@example.org'`)
    await app.query(`select remove_program_partner_status(id, null) from contacts where email = 'contact1@example.org'`)

    await refusal('locked', abortRemoval(database().db, programPartner, impatient))
    await client.query('rollback')
    const report = await abortRemoval(database().db, programPartner)
    expect(report).toMatchObject({ outcome: 'taken back', phase: 'verify' })
    expect(report.longestLockMs).toBeGreaterThan(0)
    expect(await readTraces(database())).toEqual(aborted)
    const after = await readState(database())
    expect(after.definitions).toEqual(before.definitions)
    expect(after.dump).toEqual(before.dump)
  })

  test('is waited for, and what is written meanwhile is copied meanwhile, not all at the end', async () => {
    const { client } = await hold('rollback')
    const read = () => client.query('begin; select count(*) from contacts')
    let waits = 0
    const removal = actingBefore(database(), "set phase = 'verify'", read, (db) =>
      removeFeature(db, programPartner, {
        lockTimeoutMs: 20,
        onProgress: (event) => {
          if (event.type === 'waiting') waits++
        },
      }),
    )
    const until = async (is: () => boolean | Promise<boolean>) => {
      while (!(await is())) await sleep(10)
    }
    const logged = async () => {
      const [log] = await database().query<{ name: string }>(
        `select oid::regclass::text as name from pg_class where relnamespace = 'unship'::regnamespace and relkind = 'r' and relname like '%contacts%'`,
      )
      return Number((await database().query(`select count(*) as n from ${log?.name ?? ''}`))[0]?.n)
    }
    await until(() => waits > 1)
    await database().query(`update contacts set payment_method_notes = 'meanwhile' where email like 'contact1_@%'`)
    const there = waits
    await until(() => waits > there + 1)
    expect(await logged()).toBe(0)
    await client.query('rollback')
    expect((await removal).outcome).toBe('removed')
    const copied = `select count(*)::int as n from backup_program_partner_contacts where payment_method_notes = 'meanwhile'`
    expect(await database().query(copied)).toEqual([{ n: 10 }])
  })

  test('or is finished by the next run', async () => {
    const { client } = await removeAgainst()
    await client.query('rollback')
    const report = await removeFeature(database().db, programPartner)
    expect(report.outcome).toBe('removed')
    expect(await readTraces(database())).toMatchObject({
      onHosts: [],
      watches: [],
      runs: ['removal: aborted', 'removal: done'],
    })
  })
})
