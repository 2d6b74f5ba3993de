import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, reviewRestore, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
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
    await refusal(
      'plan_changed',
      actingBefore(
        database(),
        'add column "unship_hidden_note"',
        () => owner(alter),
        (db) => restoreFeature(db, feature),
      ),
    )
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
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

describe('a domain that gets a constraint while a column of it is away', () => {
  const check = 'alter domain mail add constraint short check (length(value) < 100)'

  test('is refused before the table is written anew under lock, unless that is acknowledged', async () => {
    await owner(members)
    const before = await readState(database())
    await removeFeature(database().db, feature)
    await owner(check)
    const error = await refusedUnchanged(database(), 'rewrite_not_acknowledged', () =>
      restoreFeature(database().db, feature),
    )
    expect(error.detail).toBe('members.note: public.mail has a constraint by now, which rewrites the table.')
    expect(error.hint).toContain('Drop the constraint, and add it again once the feature is restored')
    expect(error.suggestion).toEqual({ acknowledge: { rewrites: { members: ['note'] } } })
    await refusedUnchanged(database(), 'rewrite_not_acknowledged', () => reviewRestore(database().db, feature))
    expect(await restoreFeature(database().db, { ...feature, ...error.suggestion })).toMatchObject(restored)
    expect((await readState(database())).rows).toEqual(before.rows)
  })

  test('nor is it asked again where the removal was told so', async () => {
    await owner(members)
    const told = { ...feature, acknowledge: { rewrites: { 'public.members': ['note'] } } }
    await removeFeature(database().db, told)
    await owner(check)
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
  })

  test.each([
    ['NOT NULL', 'alter domain mail set not null', 'alter domain mail drop not null'],
    [
      'NOT NULL and a default, which rows that held NULL are not given',
      `alter domain mail set default 'none'; alter domain mail set not null`,
      'alter domain mail drop not null',
    ],
    [
      'a check that takes no NULL',
      'alter domain mail add constraint there check (value is not null) not valid',
      'alter domain mail drop constraint there',
    ],
  ])('what it does not take any more is asked for before anything changes: %s', async (_, alter, undo) => {
    await owner(members)
    await removeFeature(database().db, feature)
    await owner(alter)
    const acknowledging = { ...feature, acknowledge: { rewrites: { members: ['note'] } } }
    const error = await refusedUnchanged(database(), 'not_restorable', () =>
      restoreFeature(database().db, acknowledging),
    )
    expect(error.detail).toMatch(/^column members.note cannot be added to rows that have no value of it: .*mail.*\.$/)
    await owner(undo)
    expect(await restoreFeature(database().db, feature)).toMatchObject(restored)
  })

  test('after the restore has looked: it is not begun', async () => {
    await owner(members)
    await removeFeature(database().db, feature)
    const error = await refusal(
      'plan_changed',
      actingBefore(
        database(),
        'add column "unship_hidden_note"',
        () => owner(check),
        (db) => restoreFeature(db, feature),
      ),
    )
    expect(error.detail).toContain('type public.mail was altered')
    expect((await readTraces(database())).onHosts).toEqual([])
    await refusal('rewrite_not_acknowledged', restoreFeature(database().db, feature))
  })
})
