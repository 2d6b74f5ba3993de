import { archiveBackups, checkHealth, purgeKept, readStatus, removeFeature, restoreFeature } from 'kysely-unship'
import { Kysely, PostgresDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { killedAt } from '../states/broken.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { json, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })
const tables = async () => (await readTraces(database())).tables
const archived = async () => await archiveBackups(database().db, programPartner)
const commentsOnArchives = async () =>
  await database().query<{ relname: string; comment: string }>(
    `select relname, obj_description(oid) as comment from pg_class where relname ~ '^archive_' and relkind = 'r' order by 1`,
  )

describe('unship archive', () => {
  test('renames the backups, says what they are, and a restore brings everything back from them', async () => {
    await asOwner(database(), `comment on table program_partner_audit_log is 'who did what'`)
    const before = await readState(database())
    await removeFeature(database().db, programPartner)
    const { code, out } = await unship(
      ['archive', '--keep-until', '2099-12-31', '--actor', 'ada', '--reason', 'members come first'],
      settings(),
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^ {2}backup_program_partner_contacts is archive_program_partner_contacts_\d{4}_\d\d_\d\d$/m)
    expect(await tables()).toEqual([
      expect.stringMatching(/^archive_legacy_program_partner_corrections_20\d\d_\d\d_\d\d$/),
      expect.stringMatching(/^archive_program_partner_audit_log_20/),
      expect.stringMatching(/^archive_program_partner_contacts_20/),
      expect.stringMatching(/^archive_program_partner_subscriptions_20/),
    ])
    const [comment] = await database().query<{ text: string }>(
      `select obj_description(oid) as text from pg_class where relname like 'archive\\_program\\_partner\\_audit\\_log%'`,
    )
    expect(comment?.text).toMatch(
      /^table program_partner_audit_log, removed with feature program_partner on .*; archived by ada \(members come first\); to be kept until 2099-12-31; kysely-unship run 1 restores it$/,
    )
    expect((await unship(['status'], settings())).out).toMatch(
      /backups archived\n[^]*archived .* by ada, to be kept until 2099-12-31\n[^]*archive_program_partner_contacts_.* +archive +41 /,
    )
    const down = await unship(['plan', '--down', '--format', 'sql'], settings())
    expect(down).toMatchObject({ code: 0 })
    expect(down.out).toMatch(/rename to "backup_program_partner_contacts";[^]*add column/)

    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })

  test('once more, it changes until when they are kept', async () => {
    await removeFeature(database().db, programPartner)
    await archived()
    const names = await tables()
    const again = await unship(['archive', '--keep-days', '10', '--json'], settings())
    expect(json(again)).toMatchObject({ outcome: 'kept until another day', keepUntil: expect.stringMatching(/^20/) })
    const [first] = await commentsOnArchives()
    expect(first?.comment).toContain(`; to be kept until ${String(json(again).keepUntil)}; kysely-unship run 1`)
    expect(await archived()).toMatchObject({ outcome: 'already archived' })
    expect(await tables()).toEqual(names)
  })

  test('restores from the archive in a transaction of the caller too', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, programPartner)
    await archived()
    await database()
      .db.transaction()
      .execute((trx) => restoreFeature(trx, programPartner))
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('a restore from the archive that breaks off goes on, and can be taken back', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, programPartner)
    await archived()
    for (const moment of [
      ['phase started', 'fill'],
      ['phase started', 'reveal'],
    ] as const) {
      const call = restoreFeature(database().db, programPartner, killedAt(database(), moment))
      await refusal('server_unreachable', call)
      expect(await removeFeature(database().db, programPartner)).toMatchObject({ outcome: 'already removed' })
    }
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored' })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('a restore from the archive that is taken back leaves the archive as it was, until the same day', async () => {
    await removeFeature(database().db, programPartner)
    await archiveBackups(database().db, programPartner, { keepUntil: '2099-12-31', actor: 'ada' })
    const look = async () => ({
      status: await readStatus(database().db),
      comments: await commentsOnArchives(),
    })
    const before = await look()
    expect(before.status).toMatchObject([{ state: 'archived', archived: { keepUntil: '2099-12-31', actor: 'ada' } }])
    const killed = killedAt(database(), ['phase started', 'fill'])
    await refusal('server_unreachable', restoreFeature(database().db, programPartner, killed))
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('already removed')
    expect(await look()).toEqual(before)

    await refusal(
      'server_unreachable',
      restoreFeature(database().db, programPartner, killedAt(database(), ['phase started', 'fill'])),
    )
    await database().query('drop table backup_legacy_program_partner_corrections')
    const [contacts] = before.comments.filter(({ relname }) => relname.startsWith('archive_program_partner_contacts'))
    await database().query(`create table ${contacts?.relname ?? ''} (id int)`)
    await removeFeature(database().db, programPartner)
    expect(await tables()).toContain(`${contacts?.relname ?? ''}_2`)
    expect(await tables()).not.toContainEqual(expect.stringMatching(/^backup_/))
    const error = await refusal('backup_changed', restoreFeature(database().db, programPartner))
    expect(error.primary).toMatch(/because backup_legacy_program_partner_corrections is missing$/)
  })

  test('a restore refuses what is not as it was archived, and leaves the archive', async () => {
    await removeFeature(database().db, programPartner)
    const { archived: names } = await archived()
    const contacts = names.find(({ backup }) => backup === 'backup_program_partner_contacts')?.archive ?? ''
    await database().query('create table backup_program_partner_contacts (id int)')
    await refusedUnchanged(database(), 'name_taken', () => restoreFeature(database().db, programPartner))
    await database().query('drop table backup_program_partner_contacts')
    await database().query(`delete from ${contacts} where payment_method is not null`)
    await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, programPartner))
    await database().query(`drop table ${contacts}`)
    await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, programPartner))
  })

  test.each([
    [
      'partitioned table',
      `create table note (id int primary key) partition by range (id); create table note_1 partition of note default`,
    ],
    [
      'table that others inherit from',
      `create table note (id int primary key); create table note_1 () inherits (note)`,
    ],
  ])('a %s is restored from the archive', async (_, create) => {
    await asOwner(database(), `${create}; insert into note select generate_series(1, 9)`)
    const before = await readState(database())
    const notes = { name: 'notes', tables: ['note', 'note_1'] }
    await removeFeature(database().db, notes)
    await archiveBackups(database().db, notes)
    expect(await restoreFeature(database().db, notes)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })

  test('refuses what is not removed, and days that are none', async () => {
    await refusal('not_archived', archived())
    const { code, err } = await unship(['archive', '--keep-until', '2027-02-30'], settings())
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('which is no day written YYYY-MM-DD') })
    const today = new Date().toISOString().slice(0, 10)
    await removeFeature(database().db, { name: 'extra', columns: { contacts: ['phone'] } })
    for (const keepUntil of ['12/31/2030', '2030-02-30', 'next year', '', '2001-01-01', '2030-1-1'])
      await refusal('invalid_usage', archiveBackups(database().db, { name: 'extra' }, { keepUntil }))
    expect(await commentsOnArchives()).toEqual([])
    expect(await archiveBackups(database().db, { name: 'extra' }, { keepUntil: today })).toMatchObject({
      outcome: 'archived',
    })
    await restoreFeature(database().db, { name: 'extra' })
    expect((await unship(['archive'], settings())).err).toMatch(
      /no feature comes into question\nDETAIL: .*\nHINT: {2}It would have to be removed or archived or purged\. unship status/,
    )
  })
})

describe('a ledger that is none of ours, or not whole', () => {
  const calls = (db = database().db) => [
    () => archiveBackups(db, programPartner),
    () => purgeKept(db, programPartner, { due: true }),
    () => readStatus(db),
    () => checkHealth(db),
  ]

  test.each([
    ['belongs to somebody else', 'create schema unship; create table unship.runs (id int)', 'runs', false],
    ['has lost a table', 'alter table unship.events rename to gone', 'unship.events', true],
    ['has lost a column', 'alter table unship.runs drop column removal_id', 'removal_id', true],
  ])('is told of where it %s', async (_, sql, says, ours) => {
    if (ours) await removeFeature(database().db, programPartner)
    await asOwner(database(), sql)
    for (const call of calls()) {
      const error = await refusal('wrong_state', call())
      expect(error.primary).toBe('schema unship does not hold a ledger as kysely-unship writes it')
      if (ours) expect(error.detail).toContain(says)
    }
  })

  test('may not be written by a role that reads it', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(
      `grant usage on schema unship to crm_reporting; grant select on all tables in schema unship to crm_reporting`,
    )
    const url = new URL(database().url)
    url.searchParams.set('options', '-c role=crm_reporting')
    const pool = createPool(url.href, 1)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const error = await refusal('missing_privilege', archiveBackups(db, programPartner))
    expect(error.detail).toMatch(/^42501: /)
    await refusal('missing_privilege', purgeKept(db, programPartner, { confirmed: true, forceDataLoss: true }))
    await db.destroy()
  })
})
