import { expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner, expectRefusal } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'pay', columns: { contacts: ['pay'] } }

test('a partition whose DETACH CONCURRENTLY broke off is refused: it would keep a column that nobody could drop', async () => {
  await asOwner(
    database(),
    `create table contacts (id int, at int, pay text, primary key (id, at)) partition by range (at);
     create table contacts_1 partition of contacts for values from (0) to (100);
     create table contacts_2 partition of contacts for values from (100) to (200);
     insert into contacts select n, n, 'pay ' || n from generate_series(1, 199) n`,
  )
  const reader = await database().connect('crm_owner')
  const dba = await database().connect('crm_owner')
  await reader.query('begin; select from contacts')
  await dba.query(`set statement_timeout = '500ms'`)
  await dba.query('alter table contacts detach partition contacts_2 concurrently').catch(() => undefined)
  await reader.query('rollback')
  const pending = 'select inhrelid::regclass::text as name from pg_inherits where inhdetachpending'
  expect(await database().query(pending)).toEqual([{ name: 'contacts_2' }])

  const { detail } = await expectRefusal(database(), feature)
  expect(detail).toContain('contacts_2 is being detached from contacts: finalize that first')
  await asOwner(database(), 'alter table contacts detach partition contacts_2 finalize')
  await removeFeature(database().db, feature)
  await restoreFeature(database().db, feature)
  expect(await database().query(`select count(pay)::int as n from contacts`)).toEqual([{ n: 99 }])
  await asOwner(database(), 'alter table contacts_2 drop column pay')
})
