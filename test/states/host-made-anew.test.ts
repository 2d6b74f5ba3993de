import { expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const restore = (feature: { name: string }) => restoreFeature(database().db, feature)

const anew = (more: string) => `
  create table anew (like host including all); insert into anew select * from host; drop table host;
  alter table anew rename to host; grant select on host to crm_app; ${more}`
const ADDED = `alter table host add column extra text default 'extra'`

test('a policy that names columns by their place is not restored where a table made anew has other ones there', async () => {
  const feature = { name: 'f', columns: { host: ['p'] }, policies: { other: ['those'] } }
  await asOwner(
    database(),
    `create table host (id int primary key, name text, p text); insert into host values (1, 'n', 'mine');
     create table other (id int primary key, whose text); insert into other values (1, 'mine'), (2, 'extra');
     alter table other enable row level security; grant select on host, other to crm_app;
     create policy those on other using (exists (select from host h(x, y, z) where z = whose))`,
  )
  await removeFeature(database().db, feature)
  await asOwner(database(), anew(ADDED))
  const error = await refusedUnchanged(database(), 'not_restorable', () => restore(feature))
  expect(error.detail).toBe(
    'policy those of other names columns of host by their place, and its columns were id, name, and are id, name, extra.',
  )
  const client = await database().connect('crm_app')
  expect((await client.query('select id from other where id = 2')).rows).toEqual([])
})

const viewed = { name: 'f', columns: { host: ['p'] }, views: ['v'] }
const view = async () => {
  await asOwner(
    database(),
    `create table host (id int primary key, name text, p text); insert into host values (1, 'n', 'mine');
     create view v as select z from host h(x, y, z)`,
  )
  await removeFeature(database().db, viewed)
}

test.each([
  ['in a table made anew', anew(ADDED)],
  ['where a column was dropped', 'alter table host drop name'],
])('a view that does so is refused before anything changes: %s', async (_, change) => {
  await view()
  await asOwner(database(), change)
  await refusedUnchanged(database(), 'not_restorable', () => restore(viewed))
})

test.each([
  ['a table made anew with the same columns', anew('')],
  ['a column that has another name', 'alter table host rename name to called'],
])('it comes back where the places are the same: %s', async (_, change) => {
  await view()
  await asOwner(database(), change)
  expect((await restore(viewed)).outcome).toBe('restored')
  expect(await database().query('select z from v')).toEqual([{ z: 'mine' }])
})
