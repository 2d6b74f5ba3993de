import { beforeAll, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, useSharedDatabase, type TestDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { backupsAmong, readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { killedAt, type Moment } from './broken.ts'

const phases = ['add', 'fill', 'build', 'verify', 'reveal', 'validate', 'record'] as const
const moments = phases.flatMap((phase): Moment[] =>
  phase === 'record'
    ? [['phase started', phase]]
    : [
        ['phase started', phase],
        ['phase done', phase],
      ],
)
const revealed = ([type, phase]: Moment) =>
  phase === 'validate' || phase === 'record' || (phase === 'reveal' && type === 'phase done')

const breakOff = async (database: TestDatabase, moment: Moment) => {
  const call = restoreFeature(database.db, programPartner, killedAt(database, moment))
  const error = await refusal('server_unreachable', call)
  expect(error.hint).toContain('goes on where it was')
}

describe('a restore whose connection is ended', () => {
  // each test leaves the feature in it as it was
  const database = useSharedDatabase({ template: 'demo' })
  let before: State
  beforeAll(async () => {
    before = await readState(database(), { dump: false })
  })

  test.each(moments)('%s: %s', async (...moment) => {
    await removeFeature(database().db, programPartner)

    // finished by the same command
    await breakOff(database(), moment)
    const restored = await restoreFeature(database().db, programPartner)
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await readTraces(database())).toMatchObject({ onHosts: [], watches: [] })

    // removed again instead: taken back, or finished and removed anew
    await removeFeature(database().db, programPartner)
    await breakOff(database(), moment)
    const removed = await removeFeature(database().db, programPartner)
    expect(removed.outcome).toBe(revealed(moment) ? 'removed' : 'already removed')
    const traces = await readTraces(database())
    expect(traces).toMatchObject({ onHosts: [], watches: [] })
    expect(backupsAmong(traces)).toHaveLength(4)
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })
})

describe('a restore that set rows aside before it was broken off', () => {
  const database = useDatabase({ template: 'demo' })

  test('and is removed again: a later restore still trusts its backups', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`delete from contacts where email = 'contact79@example.org'`)
    await breakOff(database(), ['phase started', 'reveal'])
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('already removed')
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    expect(await database().query('select count(*)::int as n from program_partner_audit_log')).toEqual([{ n: 2 }])
    const { tables } = await readTraces(database())
    expect(tables.filter((name) => name.startsWith('set_aside_program_partner_audit_log'))).toHaveLength(1)
  })

  test('goes on with no other backups than it left', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`delete from contacts where email = 'contact79@example.org'`)
    await breakOff(database(), ['phase started', 'reveal'])
    const hidden = `update backup_program_partner_audit_log set notes = 'x' || notes where id = 1`
    await database().query(hidden)
    const error = await refusal('backup_changed', restoreFeature(database().db, programPartner))
    expect(error.detail).toMatch(/^backup_program_partner_audit_log: sealed as 2:\S+, now 2:/)
    await database().query(hidden.replace(`'x' || notes`, `substr(notes, 2)`))
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  })

  test('reports it in the end', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`delete from contacts where email = 'contact79@example.org'`)
    await breakOff(database(), ['phase started', 'reveal'])
    const report = await restoreFeature(database().db, programPartner)
    expect(report.setAside).toMatchObject([{ table: 'program_partner_audit_log', rows: 1 }])
  })
})

describe('a restore that had filled rows before it was broken off', () => {
  const database = useDatabase({ template: 'demo' })

  test('counts them as done when it passes over them', async () => {
    await removeFeature(database().db, programPartner)
    await breakOff(database(), ['phase done', 'fill'])
    const told: unknown[] = []
    await restoreFeature(database().db, programPartner, {
      onProgress: (event) => {
        if (event.type === 'progress' && event.phase === 'fill') told.push(event)
      },
    })
    expect(told.at(-1)).toMatchObject({ what: 'contacts', rows: 41, totalRows: 41, remainingMs: 0 })
  })
})

describe('a broken restore whose host table is not where it was', () => {
  const database = useDatabase({ template: 'demo' })
  const taken = async () => await removeFeature(database().db, programPartner)

  test.each(['fill', 'reveal'] as const)('is taken back before %s where it was dropped', async (phase) => {
    await removeFeature(database().db, programPartner)
    await breakOff(database(), ['phase started', phase])
    await database().query('drop table contacts cascade')
    await refusal('host_table_missing', restoreFeature(database().db, programPartner))
    const { outcome, warnings } = await taken()
    expect({ outcome, warnings }).toEqual({
      outcome: 'already removed',
      warnings: ['contacts has gone, and what the restore had prepared in it'],
    })
    expect(await readTraces(database())).toMatchObject({ onHosts: [], watches: [] })
    await refusal('host_table_missing', restoreFeature(database().db, programPartner))
  })

  test('is taken back as soon as it has its name again', async () => {
    const rename = (from: string, to: string) => database().query(`alter table ${from} rename to ${to}`)
    await removeFeature(database().db, programPartner)
    await breakOff(database(), ['phase started', 'fill'])
    await rename('contacts', 'people')
    const error = await refusal('host_table_missing', taken())
    expect(error.primary).toMatch(/because contacts is called people by now$/)
    await rename('people', 'contacts')
    expect(await taken()).toMatchObject({ outcome: 'already removed', warnings: [] })
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  })
})

describe('what somebody drops or gives away after the reveal does not keep a restore from its end:', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay'] }, tables: ['cats'], constraints: { items: ['fk'] } }

  test.each([
    ['the backup', 'drop table backup_pay_contacts', /backup_pay_contacts has gone since: it is not kept/, 1],
    [
      "the backup's key",
      'alter table backup_pay_contacts drop constraint backup_pay_contacts_pkey',
      /^the primary key of backup backup_pay_contacts has gone/,
      2,
    ],
    ['the table', 'drop table contacts', /^contacts has gone since/, 2],
    ['a table whose foreign key comes back', 'drop table items', /^passed over, because relation "\S*items" does/, 2],
    ['the foreign key itself', 'alter table items drop constraint fk', /^passed over, because constraint "fk" of/, 2],
    [
      'the foreign key, of whose name there is another constraint',
      'alter table items drop constraint fk, add constraint fk unique (cat)',
      /^passed over, because .*constraint "fk" of/,
      2,
    ],
    ['its table', 'alter table items owner to crm_app', /^passed over, because must be owner of/, 2],
    [
      'its table, which is a view by now',
      'alter table items rename to goods; create view items as select * from goods',
      /^passed over, because .*"items"/,
      2,
    ],
    [
      'the backup, to another owner',
      'alter table backup_pay_contacts owner to crm_app',
      /^backup backup_pay_contacts belongs to crm_app now/,
      1,
    ],
  ])('%s', async (_, drop, warning, retired) => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, pay text); insert into contacts select n, 'pay' || n from generate_series(1, 5) n;
       create table cats (id int primary key); create table items (id int primary key, cat int constraint fk references cats)`,
    )
    await removeFeature(database().db, feature)
    const killed = killedAt(database(), ['phase started', 'validate'])
    await refusal('server_unreachable', restoreFeature(database().db, feature, killed))
    await database().query(drop)
    const undo = new Error('of the caller')
    const within = database()
      .db.transaction()
      .execute(async (trx) => {
        expect((await restoreFeature(trx, feature)).outcome).toBe('restored')
        throw undo
      })
    await expect(within).rejects.toBe(undo)
    const ended = await restoreFeature(database().db, feature)
    expect(ended).toMatchObject({ outcome: 'restored', retired: Array.from({ length: retired }, () => ({})) })
    expect(ended.warnings).toContainEqual(expect.stringMatching(warning))
  })
})
