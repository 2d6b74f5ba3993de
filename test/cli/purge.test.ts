import { archiveBackups, purgeKept, readStatus, removeFeature, restoreFeature } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { killedAt } from '../states/broken.ts'
import { useDatabase } from '../support/database.ts'
import { readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { json, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })
const tables = async () => (await readTraces(database())).tables
const archivedLongAgo = async () => {
  await archiveBackups(database().db, programPartner, { keepUntil: '2099-01-01' })
  await database().query(
    `update unship.events set detail = detail || '{"keepUntil": "2001-01-01"}' where event = 'archived'`,
  )
}

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
    await archivedLongAgo()
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

  test('with --due, nothing is dropped before its day because it is confirmed as well', async () => {
    const both = ['purge', '--due', '--confirm', 'program_partner', '--force-data-loss']
    await removeFeature(database().db, programPartner)
    expect(await unship(both, settings())).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^program_partner: kept\n[^]* nobody has said until when it is kept/),
    })
    await archiveBackups(database().db, programPartner, { keepUntil: '2999-12-31' })
    expect(await unship(both, settings())).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^program_partner: kept\n[^]* kept until 2999-12-31/),
    })
    expect(await tables()).toHaveLength(4)
    await database().query(
      `update unship.events set detail = detail || '{"keepUntil": "2001-01-01"}' where event = 'archived'`,
    )
    expect((await unship(both, settings())).out).toMatch(/^program_partner: dropped\n[^]* past its day, 2001-01-01/)
    expect(await tables()).toEqual([])
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
    await archivedLongAgo()
    const killed = killedAt(database(), ['phase started', 'fill'])
    await refusal('server_unreachable', restoreFeature(database().db, programPartner, killed))
    for (const options of [{ due: true }, { confirmed: true }, { due: true, forceDataLoss: true }]) {
      const error = await refusal('wrong_state', purgeKept(database().db, programPartner, options))
      expect(error.detail).toBe('Run 2 broke off in phase "fill".')
    }
    expect(await purgeKept(database().db, programPartner)).toMatchObject({ dropped: [], kept: [{}, {}, {}, {}] })
  })

  test('says of a restore past its reveal that the feature is back', async () => {
    await removeFeature(database().db, programPartner)
    const killed = killedAt(database(), ['phase started', 'validate'])
    await refusal('server_unreachable', restoreFeature(database().db, programPartner, killed))
    const { kept } = await purgeKept(database().db, programPartner)
    expect(kept.map(({ table, why }) => [table, why])).toEqual(
      ['contacts', 'subscriptions'].map((host) => [
        `backup_program_partner_${host}`,
        'the feature is back, and its restore, which has not ended, is to archive it',
      ]),
    )
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
