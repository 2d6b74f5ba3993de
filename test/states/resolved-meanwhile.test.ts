import { expect, test } from 'vitest'
import { abortRestore, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

/** What came while a feature was away does not stand in for what its definitions used: it is told, and nothing appears. */
async function refusedUntilGone(feature: FeatureDeclaration, came: string, gone: string, told: string) {
  await removeFeature(database().db, feature)
  const away = await readTraces(database())
  await asOwner(database(), came)
  const error = await refusal('not_restored_exactly', restoreFeature(database().db, feature))
  expect(error.message.replaceAll(/public\.|pg_catalog\./g, '')).toContain(told)
  expect(error.hint).toContain('Run unship abort')
  await abortRestore(database().db, feature)
  expect(await readTraces(database())).toMatchObject({ tables: away.tables, onHosts: [] })
  await asOwner(database(), gone)
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
}

const GENERAL = `create function label(anyelement) returns text language sql immutable as 'select ''general''';`
const SPECIAL = `create function label(text) returns text language sql immutable as 'select ''special'''`
const CALLED =
  'The same words would be read without function label(anyelement), with function label(text). Nothing has appeared.'

test.each([
  [
    'a generated column',
    'default value for column label of table item',
    'kind text, label text generated always as (label(kind)) stored',
  ],
  ['a check', 'constraint item_kind_check on table item', `kind text check (label(kind) = 'general'), label text`],
  ['an index', 'index item_label', `kind text, label text); create index item_label on item (label(kind)`],
])('a function of the same name: %s', async (_, what, columns) => {
  await asOwner(
    database(),
    `${GENERAL} create table item (id int primary key, ${columns}); insert into item (id, kind) values (1, 'k')`,
  )
  const before = await database().query('select * from item')
  await refusedUntilGone(
    { name: 'kinds', columns: { item: ['kind', 'label'] }, acknowledge: { rewrites: { item: ['label'] } } },
    SPECIAL,
    'drop function label(text)',
    `${what} would mean something else than before\nDETAIL:  ${CALLED}`,
  )
  expect(await database().query('select * from item')).toEqual(before)
})

test('an operator of the same name, in a view', async () => {
  await asOwner(
    database(),
    `create function alike(anyelement, anyelement) returns boolean language sql immutable as 'select true';
     create function unlike(text, text) returns boolean language sql immutable as 'select false';
     create operator === (leftarg = anyelement, rightarg = anyelement, function = alike);
     create table item (id int primary key, kind text, other text); insert into item values (1, 'k', 'k');
     create view pairs as select id from item where kind === other`,
  )
  await refusedUntilGone(
    { name: 'kinds', columns: { item: ['kind'] }, views: ['pairs'] },
    'create operator === (leftarg = text, rightarg = text, function = unlike)',
    'drop operator === (text, text)',
    'view pairs would mean something else',
  )
  expect(await database().query('select id from pairs')).toEqual([{ id: 1 }])
})

test('a default is compared before its column is filled', async () => {
  const feature = { name: 'kinds', columns: { item: ['kind'] } }
  await asOwner(
    database(),
    `${GENERAL} create table item (id int primary key, kind text default label('x'::text)); insert into item values (1)`,
  )
  await removeFeature(database().db, feature)
  await asOwner(database(), SPECIAL)
  const error = await refusal('not_restored_exactly', restoreFeature(database().db, feature))
  expect(error.detail).toContain('Nothing has appeared.')
  expect((await readTraces(database())).onHosts).toEqual([])
  await asOwner(database(), 'drop function label(text)')
  expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
})
