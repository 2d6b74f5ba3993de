import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('rows of a host table are stored in a column of another by the time of the restore', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  const make = (by = '') =>
    owner(
      `create domain marked as text;
       create table host (id int primary key, kept text, gone text, n int not null default 3, mark marked, up text generated always as (upper(kept)) stored) ${by};
       ${by && 'create table host_1 partition of host default;'} insert into host values (1, 'k', 'g', 4, 'm')`,
    )
  const of = (...columns: string[]): FeatureDeclaration => ({
    ...{ name: 'f', columns: { host: columns } },
    ...(columns.includes('up') && { acknowledge: { rewrites: { host: ['up'] } } }),
  })
  const told = (column: string, of = 'host') =>
    `column ${column} stores rows of ${of}, to which no column with a value can be added.`

  test.each<[why: string, feature: FeatureDeclaration, store: string, column: string]>([
    ['a generated column comes back', of('gone', 'up'), 'create table copies (row host)', 'copies.row'],
    ['a column with a default', of('gone', 'n'), 'create table copies (row host)', 'copies.row'],
    ['a column of a domain', of('mark'), 'create table copies (row host)', 'copies.row'],
    ['it is an array', of('n'), 'create table copies (rows host[])', 'copies.rows'],
    [
      'a domain, in a composite type',
      of('n'),
      'create domain h as host; create type pair as (h h, i int); create table copies (pair pair)',
      'copies.pair',
    ],
    [
      'a materialized view has them',
      of('n'),
      'create materialized view copies as select host as row from host',
      'copies.row',
    ],
  ])('%s: refused before anything changes', async (_, feature, store, column) => {
    await make()
    await removeFeature(database().db, feature)
    await owner(store)
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe(told(column))
    await owner(store.includes('view') ? 'drop materialized view copies' : 'drop table copies')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored' })
  })

  test('of a partition, as well', async () => {
    await make('partition by list (id)')
    await removeFeature(database().db, of('n'))
    await owner('create table copies (row host_1)')
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, of('n')))
    expect(error.detail).toBe(told('copies.row', 'host_1'))
  })

  test.each([
    ['a column without a value comes back', of('gone'), 'create table copies (row host)'],
    ['only a view makes them', of('n'), 'create view copies as select host as row from host'],
  ])('%s: let pass', async (_, feature, store) => {
    await make()
    await removeFeature(database().db, feature)
    await owner(store)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored' })
  })

  test('a partitioned table itself has none: let pass', async () => {
    await make('partition by list (id)')
    await removeFeature(database().db, of('n'))
    await owner('create table copies (row host)')
    expect(await restoreFeature(database().db, of('n'))).toMatchObject({ outcome: 'restored' })
  })
})
