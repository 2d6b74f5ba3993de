import { expect, test } from 'vitest'
import { archiveBackups, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

test.each(['host', 'a_table_of_which_the_name_is_as_long_as_names_of_tables_may_be'])(
  'archives without their ledger, as in the dump of a schema, are not taken for a feature that was never there: of %s',
  async (host) => {
    const feature = { name: 'f', tables: ['log'], columns: { [host]: ['a'] } }
    await asOwner(
      database(),
      `create table log (id int); create table ${host} (id int primary key, a text); insert into ${host} values (1, 'a')`,
    )
    await removeFeature(database().db, feature)
    await archiveBackups(database().db, feature)
    await database().query('drop schema unship cascade; create table archive_log_of_others (id int)')
    const error = await refusedUnchanged(database(), 'wrong_state', () => restoreFeature(database().db, feature))
    expect(error.detail?.replaceAll(/(_[0-9]{4}_[0-9]{2}_[0-9]{2}|_[0-9a-f]{8})(?= )/g, '')).toBe(
      ['Table ' + `archive_f_${host}`.slice(0, 54) + ' exists.', 'Table archive_log exists.'].join('\n'),
    )
  },
)

test('a feature without tables and columns is found again, too, where the name of its declaration was changed', async () => {
  const feature = { name: 'f', policies: { host: ['those'] }, views: ['v'], functions: ['g'] }
  await asOwner(
    database(),
    `create table host (id int primary key); alter table host enable row level security;
     create policy those on host using (id > 0); create view v as select 1 as one;
     create function g() returns int language sql as 'select 1'`,
  )
  await removeFeature(database().db, feature)
  const error = await refusedUnchanged(database(), 'wrong_state', () =>
    restoreFeature(database().db, { ...feature, name: 'g' }),
  )
  expect(error.hint).toContain('the name f again')
  // another one of that name was never there
  const other = { name: 'other', functions: ['g(int)'] }
  expect((await restoreFeature(database().db, other)).outcome).toBe('absent')
})

test('another feature by the name of one that is removed is not told to disown the backups of that', async () => {
  await asOwner(
    database(),
    `create table log (id int); create table host (id int primary key, a text); insert into host values (1, 'a')`,
  )
  await removeFeature(database().db, { name: 'cleanup', columns: { host: ['a'] } })
  const error = await refusedUnchanged(database(), 'wrong_state', () =>
    removeFeature(database().db, { name: 'cleanup', tables: ['log'] }),
  )
  expect(error.message).not.toContain("set state = 'aborted'")
  expect(error.primary).toBe('the name cleanup is taken by another feature, which is removed')
})
