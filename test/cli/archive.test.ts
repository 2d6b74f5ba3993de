import { archiveBackups, purgeKept, readStatus, removeFeature, restoreFeature } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { killedAt } from '../states/broken.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { json, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })
const tables = async () => (await readTraces(database())).tables
const archived = async () => await archiveBackups(database().db, programPartner)

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
      comments: await database().query<{ relname: string }>(
        `select relname, obj_description(oid) from pg_class where relname ~ '^archive_' order by 1`,
      ),
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
    expect((await unship(['archive'], settings())).err).toMatch(
      /no feature comes into question\nDETAIL: .*\nHINT: {2}It would have to be removed or archived or purged\. unship status/,
    )
  })
})

describe('unship purge', () => {
  test('without options it drops nothing and says why', async () => {
    await removeFeature(database().db, programPartner)
    const { code, out } = await unship(['purge'], settings())
    expect(code).toBe(0)
    expect(out).toMatch(/^program_partner: kept\n[^]*backup_program_partner_contacts .* the removal depends on it/)
    expect(await tables()).toHaveLength(4)
  })

  test('never drops what a removal depends on, unless the loss is typed out; then a restore refuses', async () => {
    await removeFeature(database().db, programPartner)
    await archiveBackups(database().db, programPartner, { keepUntil: '2001-01-01' })
    expect(await unship(['purge', '--due'], settings())).toMatchObject({ code: 0 })
    const confirmed = await unship(['purge', '--confirm', 'program_partner'], settings())
    expect(confirmed).toMatchObject({
      code: 1,
      err: expect.stringContaining('the removal of feature program_partner depends'),
    })
    expect(await unship(['purge', '--force-data-loss'], settings())).toMatchObject({ code: 2 })
    expect(await unship(['purge', 'a', '--confirm', 'b'], settings())).toMatchObject({ code: 2 })
    expect(await tables()).toHaveLength(4)

    const forced = await unship(
      ['purge', '--due', '--force-data-loss', '--actor', 'ada', '--json', 'program_partner'],
      settings(),
    )
    expect(forced.code).toBe(0)
    expect(json(forced)).toMatchObject([{ feature: 'program_partner', dropped: [{}, {}, {}, {}], kept: [] }])
    expect(await tables()).toEqual([])
    expect(
      await database().query(
        `select detail ->> 'actor' as actor, detail -> 'forced' as forced from unship.events where event = 'purged'`,
      ),
    ).toEqual([{ actor: 'ada', forced: true }])

    const error = await refusedUnchanged(database(), 'backups_purged', () =>
      restoreFeature(database().db, programPartner),
    )
    expect(error.detail).toMatch(/^20.*, by ada: archive_program_partner_contacts_/)
    expect((await unship(['status'], settings())).out).toMatch(/removed for good since/)
    expect(await unship(['plan', '--down'], settings())).toMatchObject({ code: 1 })
  })

  test('after the loss, the feature can be made anew, and removed and restored as at first', async () => {
    const feature = { name: 'pay', columns: { moods: ['pay'] } }
    await asOwner(database(), `create table moods (id int primary key, pay text); insert into moods values (1, 'old')`)
    await removeFeature(database().db, feature)
    await asOwner(database(), `alter table moods add pay text`)
    await refusal('backup_exists', removeFeature(database().db, feature))
    await purgeKept(database().db, feature, { confirmed: true, forceDataLoss: true })
    await asOwner(database(), `update moods set pay = 'new'`)
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
    expect((await readStatus(database().db))[0]).toMatchObject({ state: 'removed', purged: null })
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
    expect(await database().query('select pay from moods')).toEqual([{ pay: 'new' }])
  })

  test('drops the archives of a restore after their day', async () => {
    await removeFeature(database().db, programPartner)
    await restoreFeature(database().db, programPartner)
    expect(await tables()).toHaveLength(2)
    expect((await unship(['purge', '--due'], settings())).out).toMatch(/archive_.* kept until 20/)
    expect(await tables()).toHaveLength(2)
    await database().query(`update unship.runs set finished_at = finished_at - interval '32 days'`)
    const { code, out } = await unship(['purge', '--due'], settings())
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^program_partner: dropped\n[^]*past its day/),
    })
    expect(await tables()).toEqual([])
    expect((await readStatus(database().db))[0]).toMatchObject({ state: 'restored', kept: [] })
    // the next removal is not held up by that
    expect(await removeFeature(database().db, programPartner)).toMatchObject({ outcome: 'removed' })
    expect((await readStatus(database().db))[0]).toMatchObject({ state: 'removed', purged: null })
  })

  test('keeps past its day what the restore had no place for, unless the loss is typed out', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`delete from contacts where id in (select id from backup_program_partner_contacts limit 1)`)
    const { hosts } = await restoreFeature(database().db, programPartner)
    expect(hosts).toContainEqual(expect.objectContaining({ table: 'contacts', deleted: 1 }))
    await database().query(`update unship.runs set finished_at = finished_at - interval '32 days'`)
    for (const how of [['--due'], ['--confirm', 'program_partner']]) {
      const { code, out } = await unship(['purge', ...how], settings())
      expect({ code, out }).toEqual({
        code: 0,
        out: expect.stringMatching(/archive_.* values of rows that the table had no more are nowhere else: 1/),
      })
    }
    expect(await tables()).toContainEqual(expect.stringMatching(/^archive_program_partner_contacts_/))
    const forced = await purgeKept(database().db, programPartner, { due: true, forceDataLoss: true })
    expect(forced.dropped).toContainEqual(expect.objectContaining({ kind: 'retired', unplaced: 1 }))
  })

  test('drops nothing while a run is unfinished, and says so; without options it tells as ever', async () => {
    await removeFeature(database().db, programPartner)
    await archiveBackups(database().db, programPartner, { keepUntil: '2001-01-01' })
    const killed = killedAt(database(), ['phase started', 'fill'])
    await refusal('server_unreachable', restoreFeature(database().db, programPartner, killed))
    for (const options of [{ due: true }, { confirmed: true }, { due: true, forceDataLoss: true }]) {
      const error = await refusal('wrong_state', purgeKept(database().db, programPartner, options))
      expect(error.detail).toBe('Run 2 broke off in phase "fill".')
    }
    expect(await purgeKept(database().db, programPartner)).toMatchObject({ dropped: [], kept: [{}, {}, {}, {}] })
  })

  test('drops what is due of other features, whatever stands in the way of one', async () => {
    for (const name of ['one', 'two']) {
      const feature = { name, columns: { [name]: ['pay'] } }
      await asOwner(
        database(),
        `create table ${name} (id int primary key, pay text); insert into ${name} values (1, 'x')`,
      )
      await removeFeature(database().db, feature)
      await restoreFeature(database().db, feature)
    }
    await database().query(`update unship.runs set finished_at = finished_at - interval '32 days'`)
    const [archive = ''] = await tables()
    await database().query(`create view reads_archive as select * from ${archive}`)
    const ended = await unship(['purge', '--due'], settings())
    expect(ended).toMatchObject({ code: 1, out: expect.stringMatching(/^two: dropped\n/) })
    expect(ended.err).toMatch(/^ERROR: {2}something depends on the backups of feature one\n/)
    expect(await tables()).toEqual([archive])
    const again = await unship(['purge', '--due', '--json'], settings())
    expect({ code: again.code, out: json(again) }).toEqual({
      code: 1,
      out: [
        { feature: 'two', dropped: [], kept: [] },
        { feature: 'one', error: expect.objectContaining({ code: 'data_loss' }) },
      ],
    })
  })

  test('drops nothing on which somebody else depends', async () => {
    await removeFeature(database().db, programPartner)
    await restoreFeature(database().db, programPartner)
    const [archive = ''] = await tables()
    await database().query(`create view reads_archive as select * from ${archive}`)
    const error = await refusedUnchanged(database(), 'data_loss', () =>
      purgeKept(database().db, programPartner, { confirmed: true }),
    )
    expect(error.detail).toContain('view public.reads_archive depends on table')
  })

  test('takes types and functions along that were kept with the tables', async () => {
    await asOwner(
      database(),
      `create type mood as enum ('good', 'bad');
       create function mood_of(text) returns mood language sql immutable as $$ select $1::mood $$;
       create table moods (id int primary key, mood mood not null default mood_of('good'));
       insert into moods values (1)`,
    )
    const feature = { name: 'moods', tables: ['moods'], types: ['mood'], functions: ['mood_of'] }
    await removeFeature(database().db, feature)
    await purgeKept(database().db, feature, { confirmed: true, forceDataLoss: true })
    expect(
      await database().query(
        `select typname as name from pg_type where typname ~ 'mood' union all select proname from pg_proc where proname ~ 'mood'`,
      ),
    ).toEqual([])
  })
})
