import { afterEach, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { useRoles } from '../support/role.ts'
import { asOwner, expectRoundTrip } from '../support/round-trip.ts'

const roles = useRoles('reader')
const database = useDatabase()

afterEach(() => database().query(`revoke pg_read_all_data from ${roles()[0]}`))

/** A role that reads all tables, and of those with policies what they let it see. */
async function reader() {
  const [role] = roles()
  await database().query(`grant pg_read_all_data to ${role}`)
  const client = await database().connect(role)
  return async (table: string) =>
    (await client.query(`select * from ${table}`).catch(() => ({ rows: [] }))).rows as unknown[]
}

test('whoever a policy hides rows from does not see their values in the backup', async () => {
  await asOwner(
    database(),
    `create table people (id int primary key, salary int);
     insert into people values (1, 100000);
     alter table people enable row level security`,
  )
  const read = await reader()
  expect(await read('people')).toEqual([])
  await removeFeature(database().db, defineFeature()({ name: 'pay', columns: { people: ['salary'] } }))
  expect(await read('backup_pay_people')).toEqual([])
})

test('whoever a policy hides rows from does not see those that are set aside', async () => {
  await asOwner(
    database(),
    `create table people (id int primary key);
     create table salaries (person int references people, salary int);
     insert into people values (1); insert into salaries values (1, 100000);
     alter table salaries enable row level security`,
  )
  const read = await reader()
  const feature = defineFeature()({ name: 'pay', tables: ['salaries'] })
  await removeFeature(database().db, feature)
  expect(await read('backup_salaries')).toEqual([])
  await asOwner(database(), 'delete from people')
  const { setAside } = await restoreFeature(database().db, feature)
  expect(await read(setAside[0]?.kept ?? '')).toEqual([])
})

test('a table whose partition hides rows comes and goes as it is', async () => {
  await asOwner(
    database(),
    `create table people (id int, salary int, primary key (id)) partition by range (id);
     create table few partition of people for values from (0) to (10);
     create table more partition of people for values from (10) to (20);
     insert into people values (1, 100000), (11, 200000);
     alter table more enable row level security`,
  )
  const read = await reader()
  const feature = defineFeature()({ name: 'pay', columns: { people: ['salary'] } })
  await expectRoundTrip(database(), feature, {
    removed: async () => {
      expect(await read('backup_pay_people')).toEqual([])
    },
  })
})
