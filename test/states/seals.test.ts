import { describe, expect, test } from 'vitest'
import { abortRemoval, defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { asOwner } from '../support/round-trip.ts'
import { readState } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { killedAt } from './broken.ts'

const feature = defineFeature()({ name: 'extras', tables: ['papers'], columns: { members: ['amount', 'title'] } })

const schema = `
  create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  create domain code as text;
  create table members (id int primary key, amount numeric, title text collate blind);
  insert into members values (1, 1.0, 'Dr'), (2, null, 'Mag'), (3, 7, null);
  create table papers (id int primary key, n numeric, f float8, j jsonb, js json, i interval, c char(5), code code,
    list int[], t text collate blind, b bytea, at timestamptz, p point, r int4range, nothing text);
  insert into papers values (1, 1.0, 0, '{"a": 1.0}', '{"a":1}', '1 day', 'x', 'k', '{1,2}', 'a', '\\x00', '2025-01-01', '(1,2)', '[1,3)', null);`

describe('the seal of a backup', () => {
  const database = useDatabase()

  // each is equal to what it replaces, or as near to it as that
  test.each([
    ['papers', 'n', '1.00', '1.0'],
    ['papers', 'f', `'-0'`, '0'],
    ['papers', 'j', `'{"a": 1.00}'`, `'{"a": 1.0}'`],
    ['papers', 'js', `'{"a": 1}'`, `'{"a":1}'`],
    ['papers', 'i', `'24 hours'`, `'1 day'`],
    ['papers', 't', `'A'`, `'a'`],
    ['papers', 'code', `'l'`, `'k'`],
    ['papers', 'list', `'[0:1]={1,2}'`, `'{1,2}'`],
    ['papers', 'b', `'\\x0000'`, `'\\x00'`],
    ['papers', 'at', `'2025-01-01 00:00:00.000001'`, `'2025-01-01'`],
    ['papers', 'p', `'(1,2.0000000000000004)'`, `'(1,2)'`],
    ['papers', 'r', `'[1,4)'`, `'[1,3)'`],
    ['papers', 'nothing', `''`, 'null'],
    ['extras_members', 'amount', '1.00', '1.0'],
    ['extras_members', 'title', `'DR'`, `'Dr'`],
  ])('tells %s.%s %s from %s', async (table, column, changed, original) => {
    await asOwner(database(), `set timezone = 'UTC'; ${schema}`)
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, feature)
    const set = (value: string) =>
      asOwner(database(), `set timezone = 'UTC'; update backup_${table} set ${column} = ${value} where id = 1`)
    await set(changed)
    const error = await refusal('backup_changed', restoreFeature(database().db, feature))
    expect(error.detail).toContain(`backup_${table}: sealed as`)
    await set(original)
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test.each([
    [
      'a label of an enum',
      `create type mood as enum ('good', 'bad'); create domain felt as mood`,
      `array['good'::felt]`,
      'felt[]',
      `alter type mood rename value 'good' to 'fine'`,
      `alter type mood rename value 'fine' to 'good'`,
    ],
    [
      'an attribute of a composite type',
      'create type mood as (a int, b int)',
      '(1, 2)::mood',
      'mood',
      'alter type mood add attribute c int',
      'alter type mood drop attribute c',
    ],
  ])(
    'tells that %s was altered meanwhile, and that it can be altered back',
    async (_, type, value, of, alter, undo) => {
      await asOwner(
        database(),
        `${type}; create table members (id int primary key, note ${of}); insert into members values (1, ${value})`,
      )
      const moods = { name: 'moods', columns: { members: ['note'] } }
      await removeFeature(database().db, moods)
      await asOwner(database(), alter)
      const error = await refusal('backup_changed', restoreFeature(database().db, moods))
      expect(error.hint).toMatch(/^If type public.mood was altered meanwhile .* alter it back/)
      await asOwner(database(), undo)
      expect(await restoreFeature(database().db, moods)).toMatchObject({ outcome: 'restored', warnings: [] })
    },
  )

  test('tells values that changed places, and rows that went or came', async () => {
    await asOwner(database(), schema)
    await removeFeature(database().db, feature)
    for (const change of [
      `update backup_extras_members set title = case id when 1 then 'Mag' else 'Dr' end where id < 3`,
      `delete from backup_extras_members where id = 3`,
      `insert into backup_papers (id) values (2)`,
    ]) {
      const client = await database().connect()
      await client.query('create table if not exists kept as select * from backup_extras_members')
      await client.query(change)
      await refusal('backup_changed', restoreFeature(database().db, feature))
      await client.query(
        `truncate backup_extras_members; insert into backup_extras_members table kept; delete from backup_papers where id = 2`,
      )
      await client.end()
    }
    await asOwner(database(), 'drop table kept')
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })

  test('made of the texts of rows, as by hand or by an earlier version, is accepted and checked as well', async () => {
    await asOwner(database(), schema)
    await removeFeature(database().db, feature)
    await asOwner(
      database(),
      `set timezone = 'UTC'; set datestyle = 'ISO, YMD';
      update unship.runs set checksums = checksums || jsonb_build_object(
        'backup_papers', (select count(*) || ':' || sum(hashtextextended(seal::text, 0)::numeric) from backup_papers seal),
        'backup_extras_members', (select count(*) || ':' || sum(hashtextextended(row(id, amount, title)::text, 0)::numeric)
          from backup_extras_members))`,
    )
    await asOwner(database(), `update backup_papers set n = 1.00`)
    await refusal('backup_changed', restoreFeature(database().db, feature))
    await asOwner(database(), `update backup_papers set n = 1.0`)
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })
})

describe('a backup that is changed after the cut-over, before the removal is closed', () => {
  const database = useDatabase()
  const pay = { name: 'pay', columns: { contacts: ['pay'] } }
  const read = () => database().query('select id, pay from contacts order by id')

  const create = () =>
    asOwner(
      database(),
      `create table contacts (id int primary key, pay text); insert into contacts select n, 'pay' || n from generate_series(1, 5) n`,
    )

  test('is not taken for what was copied: not by the removal that goes on, nor by a restore, nor by an abort', async () => {
    await create()
    const before = await read()
    const killed = killedAt(database(), ['phase done', 'cut over'])
    await refusal('server_unreachable', removeFeature(database().db, pay, killed))
    const forge = (to: string) => asOwner(database(), `update backup_pay_contacts set pay = ${to} where id = 1`)
    await forge(`'forged'`)
    for (const call of [removeFeature, restoreFeature, abortRemoval]) {
      const error = await refusal('backup_changed', call(database().db, pay))
      expect(error.message).toMatch(/backup_pay_contacts: copied 5:\S+, holds 5:/)
    }
    await forge(`'pay1'`)
    expect((await removeFeature(database().db, pay)).outcome).toBe('removed')
    expect((await restoreFeature(database().db, pay)).outcome).toBe('restored')
    expect(await read()).toEqual(before)
  })

  test('is told from what the cut-over itself has copied last', async () => {
    await create()
    const late = () =>
      database().query(
        `update contacts set pay = 'late' where id in (1, 2); delete from contacts where id = 3;
         update contacts set pay = null where id = 4; insert into contacts values (6, 'new')`,
      )
    const removed = await actingBefore(database(), 'columns of', late, (db) => removeFeature(db, pay))
    expect(removed).toMatchObject({ outcome: 'removed', backups: [{ rows: 4 }] })
    expect(await database().query('select id, pay from backup_pay_contacts order by id')).toEqual([
      { id: 1, pay: 'late' },
      { id: 2, pay: 'late' },
      { id: 5, pay: 'pay5' },
      { id: 6, pay: 'new' },
    ])
  })

  test('in the normal run too', async () => {
    await create()
    const truncate = () => database().query('truncate backup_pay_contacts')
    const call = actingBefore(database(), 'columns of', truncate, (db) => removeFeature(db, pay))
    const error = await refusal('backup_changed', call)
    expect(error.primary).toBe('the removal of feature pay broke off after its cut-over')
    expect(error.detail).toMatch(/copied 5:\S+, holds 0:h0/)
  })
})
