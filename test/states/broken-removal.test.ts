import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { abortRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, useSharedDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { backupsAmong, readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { endBackends, killedAt, type Moment } from './broken.ts'

const moments: readonly Moment[] = [
  ['phase started', 'watch'],
  ['phase done', 'watch'],
  ['phase started', 'copy'],
  ['phase done', 'copy'],
  ['phase started', 'verify'],
  ['phase done', 'verify'],
  ['phase started', 'cut over'],
  ['phase done', 'cut over'],
  ['phase started', 'record'],
]
const pastCutOver = ([type, phase]: Moment) => phase === 'record' || (type === 'phase done' && phase === 'cut over')

describe('a removal whose connection is ended', () => {
  // each test leaves the feature in it as it was
  const database = useSharedDatabase({ template: 'demo' })
  let before: State
  beforeAll(async () => {
    before = await readState(database(), { dump: false })
  })

  const breakOff = async (moment: Moment) => {
    const call = removeFeature(database().db, programPartner, killedAt(database(), moment))
    const error = await refusal('server_unreachable', call)
    expect(error.primary).toBe('the connection to the server was lost in the removal of feature program_partner')
    expect(error.hint).toContain('abortRemoval')
  }

  test.each(moments)('%s: %s', async (...moment) => {
    await breakOff(moment)

    // finished by the same command
    const removed = await removeFeature(database().db, programPartner)
    expect(removed.outcome).toBe('removed')
    expect(Object.fromEntries(removed.backups.map((b) => [b.table, b.rows]))).toEqual({
      backup_program_partner_contacts: 41,
      backup_program_partner_subscriptions: 0,
      backup_program_partner_audit_log: 3,
      backup_legacy_program_partner_corrections: 0,
    })
    const traces = await readTraces(database())
    expect(traces).toMatchObject({ onHosts: [], watches: [] })
    expect(backupsAmong(traces)).toHaveLength(4)
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)

    // and taken back by abortRemoval
    await breakOff(moment)
    if (!pastCutOver(moment)) {
      const error = await refusedUnchanged(database(), 'wrong_state', () =>
        restoreFeature(database().db, programPartner),
      )
      expect(error.hint).toContain('abortRemoval')
    }
    const aborted = await abortRemoval(database().db, programPartner)
    expect(aborted.outcome).toBe(pastCutOver(moment) ? 'restored' : 'taken back')
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await readTraces(database())).toMatchObject({ onHosts: [], watches: [] })
    await refusal('nothing_to_abort', abortRemoval(database().db, programPartner))
  })

  test('just after its cut-over does not say that nothing was removed, where it cannot be closed yet', async () => {
    await breakOff(['phase started', 'record'])
    const rename = (from: string, to: string) => database().query(`alter table ${from} rename to ${to}`)
    await rename('backup_program_partner_contacts', 'elsewhere')
    const error: unknown = await removeFeature(database().db, programPartner).catch((e: unknown) => e)
    expect(error).toMatchObject({
      primary: 'the removal of feature program_partner broke off after its cut-over',
      detail: expect.stringContaining('The feature is gone, and its backups are kept') as string,
    })
    await rename('elsewhere', 'backup_program_partner_contacts')
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('just after its cut-over keeps every backup, and a restore brings all of it back', async () => {
    await breakOff(['phase done', 'cut over'])
    expect(backupsAmong(await readTraces(database()))).toHaveLength(4)
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('in the middle of its cut-over has changed nothing', async () => {
    const holder = await database().connect()
    let ending: Promise<void> | undefined
    const run = removeFeature(database().db, programPartner, {
      lockTimeoutMs: 10_000,
      onProgress: (event) => {
        if (event.type === 'phase started' && event.phase === 'copy')
          ending = holder.query('begin; select count(*) from contacts').then(async () => {
            await waitingForLock()
            await endBackends(database())
            await holder.query('rollback')
          })
      },
    })
    await refusal('server_unreachable', run)
    await ending
    expect(await abortRemoval(database().db, programPartner)).toMatchObject({ outcome: 'taken back', phase: 'verify' })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  const waitingForLock = async () => {
    // tables of databases that were copied from one template have the same oids
    const waiting = `select from pg_locks where not granted and relation = 'contacts'::regclass
      and database = (select oid from pg_database where datname = current_database())`
    while ((await database().query(waiting)).length === 0) await sleep(10)
  }
})

describe('what a broken removal has left, and others have touched since', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] } }
  const breakOff = async (moment: Moment) => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, pay text); insert into contacts select n, 'pay' || n from generate_series(1, 5) n`,
    )
    await refusal('server_unreachable', removeFeature(database().db, feature, killedAt(database(), moment)))
  }

  test("leaves a table that has come to bear its backup's name", async () => {
    await breakOff(['phase started', 'verify'])
    await asOwner(
      database(),
      `drop table backup_pay_contacts; create table backup_pay_contacts as select *, 'mine' as remark from contacts`,
    )
    const { warnings } = await abortRemoval(database().db, feature)
    expect(warnings).toEqual(['table backup_pay_contacts is not the backup that run 1 made: it stays'])
    expect(await database().query('select distinct remark from backup_pay_contacts')).toEqual([{ remark: 'mine' }])
    expect(await readTraces(database())).toMatchObject({ onHosts: [], watches: [] })
    await refusal('backup_exists', removeFeature(database().db, feature))
  })

  test('is said to have the name of a backup, not to be declared, where a type that it uses goes with the feature', async () => {
    const withType = { ...feature, types: ['method'] }
    await asOwner(
      database(),
      `create type method as enum ('card', 'cash'); create table contacts (id int primary key, pay method); insert into contacts values (1, 'card')`,
    )
    await refusal(
      'server_unreachable',
      removeFeature(database().db, withType, killedAt(database(), ['phase done', 'copy'])),
    )
    // as a dump that was loaded elsewhere has made it
    await asOwner(
      database(),
      'alter table backup_pay_contacts rename to made; create table backup_pay_contacts (like made including all); drop table made',
    )
    const { warnings } = await abortRemoval(database().db, withType)
    expect(warnings).toEqual(['table backup_pay_contacts is not the backup that run 1 made: it stays'])
    const error = await refusedUnchanged(database(), 'backup_exists', () => removeFeature(database().db, withType))
    expect(error.primary).toBe('backup_pay_contacts already exists')
    expect(error.suggestion).toBeUndefined()
    await asOwner(database(), 'drop table backup_pay_contacts')
    expect(await removeFeature(database().db, withType)).toMatchObject({ outcome: 'removed' })
  })

  const noWatch = { onHosts: [], watches: [] }

  test('takes it back where its host table has another name or schema, or has gone', async () => {
    await breakOff(['phase started', 'verify'])
    await asOwner(database(), 'alter table contacts rename to people; create table contacts (id int primary key)')
    const renamed = await abortRemoval(database().db, feature)
    expect(renamed.warnings).toEqual(['contacts is called people by now: the watch was taken away there'])
    expect(await readTraces(database())).toMatchObject({ ...noWatch, tables: [] })
    await asOwner(database(), `insert into people values (6, 'pay6'); drop table contacts, people`)

    await breakOff(['phase done', 'watch'])
    await asOwner(database(), 'create schema other; alter table contacts set schema other')
    expect((await abortRemoval(database().db, feature)).warnings).toHaveLength(1)
    expect(await readTraces(database())).toMatchObject(noWatch)
    await asOwner(database(), `insert into other.contacts values (6, 'pay6'); drop schema other cascade`)

    await breakOff(['phase started', 'verify'])
    await asOwner(database(), 'drop table contacts')
    const gone = await abortRemoval(database().db, feature)
    expect(gone.warnings).toEqual(['contacts has gone: what was left of its watch, and its backup, were dropped'])
    expect(await readTraces(database())).toMatchObject({ ...noWatch, tables: [] })
    await refusal('host_table_missing', removeFeature(database().db, feature))
  })

  test('takes it back, with its backup, where its schema is called otherwise', async () => {
    const ofApp = { name: 'pay', schema: 'app', columns: { contacts: ['pay'] } }
    await database().query('create schema app authorization crm_owner')
    await asOwner(
      database(),
      `create table app.contacts (id int primary key, pay text); insert into app.contacts values (1, 'x')`,
    )
    const killed = killedAt(database(), ['phase started', 'verify'])
    await refusal('server_unreachable', removeFeature(database().db, ofApp, killed))
    await database().query('alter schema app rename to app2')
    await abortRemoval(database().db, ofApp)
    expect(await readTraces(database())).toMatchObject({ ...noWatch, tables: [] })
  })
})
