import { expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { asOwner, expectRefusal } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'pay', columns: { contacts: ['pay'] } }

const CONTACTS = `
  create table contacts (id int, at int, pay text, primary key (id, at)) partition by range (at);
  create table contacts_1 partition of contacts for values from (0) to (100);
  create table contacts_2 partition of contacts for values from (100) to (200);
  insert into contacts select n, n, 'pay ' || n from generate_series(1, 199) n`

/** A DETACH CONCURRENTLY of contacts_2 that broke off. */
async function detachInVain(of: TestDatabase): Promise<void> {
  const reader = await of.connect('crm_owner')
  const dba = await of.connect('crm_owner')
  await reader.query('begin; select from contacts')
  await dba.query(`set statement_timeout = '500ms'`)
  await dba.query('alter table contacts detach partition contacts_2 concurrently').catch(() => undefined)
  await reader.query('rollback')
  const pending = 'select inhrelid::regclass::text as name from pg_inherits where inhdetachpending'
  expect(await of.query(pending)).toEqual([{ name: 'contacts_2' }])
}

test('a partition whose DETACH CONCURRENTLY broke off is refused: it would keep a column that nobody could drop', async () => {
  await asOwner(database(), CONTACTS)
  await detachInVain(database())

  const { detail } = await expectRefusal(database(), feature)
  expect(detail).toContain('contacts_2 is being detached from contacts: finalize that first')
  await asOwner(database(), 'alter table contacts detach partition contacts_2 finalize')
  await removeFeature(database().db, feature)
  await restoreFeature(database().db, feature)
  expect(await database().query(`select count(pay)::int as n from contacts`)).toEqual([{ n: 99 }])
  await asOwner(database(), 'alter table contacts_2 drop column pay')
})

test('where it breaks off while a restore fills, the restore wants it finalized: its triggers are the application’s', async () => {
  await asOwner(
    database(),
    `${CONTACTS};
     create function touch() returns trigger language plpgsql as 'begin return new; end';
     create trigger touch before update on contacts for each row execute function touch();`,
  )
  await removeFeature(database().db, feature)
  let begun = false
  const pauseWhile = async () => {
    if (!begun) await detachInVain(database())
    begun = true
    return false
  }
  await expect(restoreFeature(database().db, feature, { pauseWhile })).rejects.toThrow('incomplete detach')
  await asOwner(database(), 'alter table contacts detach partition contacts_2 finalize')
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored' })
  expect(
    await database().query(
      `select tgname, tgrelid::regclass::text as on, tgenabled from pg_trigger where tgname ~ 'touch' order by 2`,
    ),
  ).toEqual([
    { tgname: 'touch', on: 'contacts', tgenabled: 'O' },
    { tgname: 'touch', on: 'contacts_1', tgenabled: 'O' },
  ])
})
