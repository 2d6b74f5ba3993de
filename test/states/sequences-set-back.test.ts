import { expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()

/** Logical replication takes the rows of tables along, and no sequences. */
const SET_BACK = `
  do $$ declare s regclass; begin
    for s in select oid from pg_class where relkind = 'S' loop perform setval(s, 1, false); end loop;
  end $$`

test('one that a feature took by itself is told, and refused', async () => {
  const feature = { name: 'f', sequences: ['number'] }
  await asOwner(database(), `create sequence number; select setval('number', 4711)`)
  await removeFeature(database().db, feature)
  await asOwner(database(), 'alter sequence backup_number restart')
  expect((await checkHealth(database().db)).filter(({ result }) => result === 'problem')).toHaveLength(1)
  await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
})

test.each([
  ['another step', 'alter sequence backup_number increment 2', 'seqincrement'],
  ['gone', 'drop sequence backup_number', 'is missing'],
])('one that has %s is refused, too', async (_, sql, told) => {
  const feature = { name: 'f', sequences: ['number'] }
  await asOwner(database(), 'create sequence number')
  await removeFeature(database().db, feature)
  await asOwner(database(), sql)
  const error = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
  expect(error.detail).toContain(told)
})

test('one that has gone on, or whose ledger does not tell, comes back', async () => {
  const feature = { name: 'f', sequences: ['number'] }
  await asOwner(database(), 'create sequence number')
  await removeFeature(database().db, feature)
  await asOwner(database(), `select nextval('backup_number')`)
  expect((await restoreFeature(database().db, feature)).warnings).toEqual([])
  await removeFeature(database().db, feature)
  await database().query(`${SET_BACK}; update unship.runs set report = report - 'definitions'`)
  expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
})

test('that of a removed serial column is told, and refused', async () => {
  const feature = { name: 'f', columns: { host: ['number'] } }
  await asOwner(
    database(),
    `create table host (id int primary key, number serial); insert into host values (1), (2), (3)`,
  )
  await removeFeature(database().db, feature)
  await database().query(SET_BACK.replace("relkind = 'S'", "relname = 'backup_host_number_seq'"))
  expect((await checkHealth(database().db)).filter(({ result }) => result === 'problem')).toHaveLength(1)
  await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
})

test('those of the ledger do not leave a restore that can neither go on nor be taken back', async () => {
  const feature = { name: 'f', columns: { host: ['a'] } }
  await asOwner(
    database(),
    `create table host (id int primary key, a text); create table other (id int primary key, a text); insert into host values (1, 'a')`,
  )
  await removeFeature(database().db, { name: 'other', columns: { other: ['a'] } })
  await database()
    .db.transaction()
    .execute(async (transaction) => {
      await removeFeature(transaction, feature)
      throw new Error('of the caller')
    })
    .catch(() => undefined)
  await removeFeature(database().db, feature)
  await database().query(SET_BACK)
  // the first ones may be refused, but must not be the last word
  for (let attempt = 1; attempt <= 20; attempt++) await restoreFeature(database().db, feature).catch(() => undefined)
  expect((await restoreFeature(database().db, feature)).outcome).toBe('already restored')
})
