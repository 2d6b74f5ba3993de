import { expect, test } from 'vitest'
import { planRemoval } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'pay', columns: { contacts: ['pay'] } }

test('an index that somebody is building concurrently is not told to be dropped', async () => {
  await asOwner(
    database(),
    `create table contacts (id int primary key, pay text);
     create index paid on contacts (pay);
     create table elsewhere (id int)`,
  )
  const reader = await database().connect('crm_owner')
  const dba = await database().connect('crm_owner')
  const [{ pid } = { pid: 0 }] = (await dba.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
  await reader.query('begin isolation level repeatable read; select from elsewhere')
  const building = dba.query('reindex index concurrently paid')
  await expect
    .poll(() => database().query(`select from pg_index where not indisvalid and indrelid = 'contacts'::regclass`))
    .toHaveLength(1)
  const { message } = await refusal('not_restorable', planRemoval(database().db, feature))
  await reader.query('rollback')
  await building
  // DROP INDEX would wait for the build, and everybody who reads or writes the table behind it
  expect(message).not.toContain('drop or rebuild')
  expect(message).toContain(String(pid))
})
