import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const owner = (sql: string) => asOwner(database(), sql)

const feature: FeatureDeclaration = { name: 'extras', columns: { members: ['note'] } }
const restored = { outcome: 'restored', warnings: [] }
/** Ten rows with a note, forty without. */
const rows = `insert into members (id, note) select n, case when n <= 10 then 'note ' || n end from generate_series(1, 50) n;`
const members = `create domain mail as text; create table members (id int primary key, note mail); ${rows}`

const FILES = `select relname, pg_relation_filenode(oid) as file from pg_class where relname ~ '^members' and relkind = 'r' order by relname`
const defaults = () =>
  database().query(`select adrelid::regclass::text as table from pg_attrdef where adrelid::regclass::text !~ '^unship'`)

describe('a domain that gets a default while a column of it is away', () => {
  const alter = `alter domain mail set default 'nobody@example.com'`

  test.each([
    ['', members],
    [
      'of a partitioned table',
      `create domain mail as text; create table members (id int primary key, note mail) partition by range (id);
       create table members_1 partition of members for values from (0) to (30);
       create table members_2 partition of members for values from (30) to (100); ${rows}`,
    ],
  ])('does not give it to rows that held NULL %s', async (_, setup) => {
    await owner(setup)
    const before = await readState(database())
    await removeFeature(database().db, feature)
    await owner(alter)
    const files = await database().query(FILES)
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
    // written anew, they would have been locked for as long
    expect(await database().query(FILES)).toEqual(files)
    expect((await readState(database())).rows).toEqual(before.rows)
    expect(await defaults()).toEqual([])
    await owner('insert into members (id) values (51)')
    expect(await database().query('select note from members where id = 51')).toEqual([{ note: 'nobody@example.com' }])
  })

  test('nor where it gets it after the restore has looked', async () => {
    await owner(members)
    const before = await readState(database())
    await removeFeature(database().db, feature)
    const report = await actingBefore(
      database(),
      'add column "unship_hidden_note"',
      () => owner(alter),
      (db) => restoreFeature(db, feature).catch(() => restoreFeature(db, feature)),
    )
    expect(report).toMatchObject(restored)
    expect((await readState(database())).rows).toEqual(before.rows)
  })

  test('nor where new rows are given a declared value, or a default that varies', async () => {
    await owner(`create sequence numbers; create domain mail as text; create table members (id int primary key, note mail,
      other mail default 'no. ' || nextval('numbers')); ${rows} update members set other = null where id > 40`)
    const both = { ...feature, columns: { members: ['note', 'other'] }, fill: { members: { note: `'new'` } } }
    const before = await database().query('select id, note, other from members order by id')
    await removeFeature(database().db, both)
    await owner(`${alter}; insert into members (id) values (51)`)
    expect(await restoreFeature(database().db, both)).toMatchObject(restored)
    expect(await database().query('select id, note, other from members order by id')).toEqual([
      ...before,
      { id: 51, note: 'new', other: 'no. 51' },
    ])
    expect(await defaults()).toEqual([{ table: 'members' }])
  })
})
