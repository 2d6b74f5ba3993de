import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const impatient = { lockTimeoutMs: 20, lockAttempts: 3 }

describe('a restore that does not get its locks', () => {
  const database = useDatabase({ template: 'demo' })

  async function hold(sql: string) {
    const client = await database().connect()
    await client.query(`set application_name = 'a report'; begin; ${sql}`)
    return client
  }

  test('for adding the columns has changed nothing, and a later one succeeds', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, programPartner)
    const removed = await readState(database(), { dump: false })
    const traces = await readTraces(database())
    const client = await hold('select count(*) from contacts')
    const error = await refusal('locked', restoreFeature(database().db, programPartner, impatient))
    expect(error.primary).toContain('phase "add"')
    expect(error.detail).toMatch(/^pid \d+, user crm_owner \(a report\), idle in transaction/m)
    expect(await readState(database(), { dump: false })).toEqual(removed)
    const left = await readTraces(database())
    expect({ ...left, runs: [] }).toEqual({ ...traces, runs: [] })
    expect(left.runs).toEqual(['removal: done', 'restore: running'])
    await client.query('rollback')
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('for adding the columns looks again at what changed until the next one', async () => {
    await removeFeature(database().db, programPartner)
    const client = await hold('select count(*) from contacts')
    await refusal('locked', restoreFeature(database().db, programPartner, impatient))
    await client.query('rollback')
    await database().query('set role crm_owner; create view program_partner_compliance as select 1 as one')
    const error = await refusal('name_taken', restoreFeature(database().db, programPartner))
    expect(error.detail).toContain('program_partner_compliance')
  })

  test('for the reveal goes on there the next time', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, programPartner)
    const client = await database().connect()
    // a reader is in nobody's way until the reveal
    const read = () => client.query('begin; select count(*) from contacts')
    const error = await refusal(
      'locked',
      actingBefore(database(), 'with filled as', read, (db) => restoreFeature(db, programPartner, impatient)),
    )
    expect(error.primary).toContain('phase "reveal"')
    await client.query('rollback')
    const events: ProgressEvent[] = []
    const report = await restoreFeature(database().db, programPartner, { onProgress: (e) => events.push(e) })
    expect(events[0]).toMatchObject({ type: 'started', resumed: 'verify' })
    expect(report.outcome).toBe('restored')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('of a backup that it gives its archive name says who reads it, and ends the next time', async () => {
    await removeFeature(database().db, programPartner)
    const client = await hold('select count(*) from backup_program_partner_contacts')
    const error = await refusal('locked', restoreFeature(database().db, programPartner, impatient))
    expect(error.primary).toBe(
      'could not lock backup_program_partner_contacts, backup_program_partner_subscriptions for phase "record" of feature program_partner',
    )
    expect(error.detail).toMatch(/^pid \d+, user crm_owner \(a report\), idle in transaction/m)
    await client.query('rollback')
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('does what it can before it locks the tables of the application, and before their grants are taken too', async () => {
    const pool = createPool(database().ownerUrl, 1)
    const sent: string[] = []
    beforeQueries(pool, (text) => {
      sent.push(text)
      return undefined
    })
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    await removeFeature(db, programPartner)
    await restoreFeature(db, programPartner)
    await db.destroy()
    /** Where each of these stands in the transaction that enters a phase. */
    const places = (phase: string, texts: string[]) => {
      const transaction = sent.find((text) => text.startsWith('do ') && text.includes(`set phase = '${phase}'`)) ?? ''
      return texts.map((text) => transaction.indexOf(text))
    }
    const inOrder = (found: number[]) => {
      expect(found).not.toContain(-1)
      expect(found).toEqual([...found].sort((a, b) => a - b))
    }
    inOrder(
      places('record', [
        'lock table only "public"."contacts" in share update exclusive mode',
        'do $catalog$',
        'do $acl$',
        'lock table only "public"."contacts" in access exclusive mode',
        'alter table "public"."program_partner_audit_log" rename to',
      ]),
    )
    inOrder(
      places('validate', [
        'lock table only "public"."backup_program_partner_audit_log"',
        'rename to "program_partner_audit_log"',
        'CREATE FUNCTION public.update_payment_method',
        'lock table only "public"."contacts" in access exclusive mode',
        'rename column "unship_hidden_payment_method" to "payment_method"',
        'create view "public"."program_partner_compliance"',
      ]),
    )
  })

  test('fills the rows around one that somebody keeps locked, keeps no writer from them, and fills that one when it is free', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, programPartner)
    const [last] = await database().query('select id from backup_program_partner_contacts order by ctid desc limit 1')
    const holder = await database().connect()
    const writer = await database().connect()
    await writer.query("set lock_timeout = '2s'")
    let locks: Promise<string> | undefined
    const report = await restoreFeature(database().db, programPartner, {
      onProgress: (event) => {
        if (event.type !== 'phase started' || event.phase !== 'fill') return
        void holder.query(`begin; select from contacts where id = '${String(last?.id)}' for update`)
        locks = sleep(300)
          .then(() => writer.query(`select from contacts where id <> '${String(last?.id)}' for update`))
          .then(
            () => 'had',
            (error: unknown) => String(error),
          )
          .finally(() => holder.query('rollback'))
      },
    })
    expect(await locks).toBe('had')
    expect(report.outcome).toBe('restored')
    expect(report.hosts[0]).toMatchObject({ table: 'contacts', restored: 41 })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })
})

describe('rows that somebody has locked', () => {
  const plain = useDatabase()

  test.each(['at', 'pending', 'target', 'filled'])('are filled where the column is called %s', async (column) => {
    await asOwner(
      plain(),
      `create table host (id int primary key, "${column}" int, n int); insert into host select n, n, n from generate_series(1, 50) n`,
    )
    const feature = { name: 'f', columns: { host: [column] } }
    await removeFeature(plain().db, feature)
    const client = await plain().connect()
    const locked = async () => {
      await client.query('begin; update host set n = 0 where id = 7')
      void sleep(300).then(() => client.query('commit'))
    }
    await actingBefore(plain(), 'with filled as', locked, (db) => restoreFeature(db, feature))
    expect(await plain().query(`select count("${column}")::int as n from host`)).toEqual([{ n: 50 }])
  })

  test.each(['at', 'target', 'filled'])('are given what the declaration says of a column called %s', async (column) => {
    await asOwner(
      plain(),
      `create table host (id int primary key, "${column}" int, gone int not null); insert into host select n, n, n from generate_series(1, 50) n`,
    )
    const feature = { name: 'f', columns: { host: ['gone'] }, fill: { host: { gone: `"${column}" + host.id` } } }
    await removeFeature(plain().db, feature)
    await asOwner(plain(), 'insert into host values (51, 51)')
    await restoreFeature(plain().db, feature)
    expect(await plain().query('select gone from host where id > 49 order by id')).toEqual([
      { gone: 50 },
      { gone: 102 },
    ])
  })
})
