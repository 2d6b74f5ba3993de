import { Kysely, PostgresDialect } from 'kysely'
import { expect, test } from 'vitest'
import { archiveBackups, checkHealth, removeFeature, restoreFeature } from 'kysely-unship'
import { startOwnServer } from '../faults/own-server.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner, major } from '../support/round-trip.ts'

type Query = (sql: string) => Promise<Record<string, unknown>[]>

/** A crash empties unlogged tables, and so does a switch to a standby, where they are never filled. */
test('a feature with unlogged tables comes back after a crash, without the rows of these, and both directions say so', async () => {
  const server = await startOwnServer()
  const connected = async <T>(work: (db: Kysely<any>, query: Query) => Promise<T>) => {
    const pool = createPool(server.url, 3)
    pool.on('error', () => undefined)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const query: Query = async (sql) => (await pool.query<Record<string, unknown>>(sql)).rows
    return await work(db, query).finally(() => db.destroy())
  }
  const feature = { name: 'f', columns: { t: ['a'], u: ['b'] }, tables: ['cache', 'log', 'sale'] }
  const lost = ['table cache is unlogged', 'table sale_2 is unlogged'].map((told) => expect.stringContaining(told))
  try {
    const removal = await connected(async (db, query) => {
      await query(
        `create table t (id uuid primary key default gen_random_uuid(), a text); insert into t (a) values ('kept');
         create unlogged table u (id uuid primary key default gen_random_uuid(), b text); insert into u (b) values ('copied');
         create unlogged table cache (id int generated always as identity primary key, v text); insert into cache (v) values ('lost');
         create table log (id int generated always as identity primary key, v text); insert into log (v) values ('kept');
         create table sale (id int, at date) partition by range (at);
         create table sale_1 partition of sale for values from ('2024-01-01') to ('2025-01-01');
         create unlogged table sale_2 (at date, id int);
         alter table sale attach partition sale_2 for values from ('2025-01-01') to ('2026-01-01');
         insert into sale values (1, '2024-01-01'), (2, '2025-01-01'), (3, '2025-01-02')`,
      )
      return await removeFeature(db, feature)
    })
    expect(removal.warnings).toEqual(lost)
    await server.crash()
    await server.start()
    await connected(async (db, query) => {
      const copies = `select b, relpersistence from backup_f_u join pg_class c on c.oid = 'backup_f_u'::regclass`
      expect(await query(copies)).toEqual([{ b: 'copied', relpersistence: 'p' }])
      const checks = (await checkHealth(db, [feature])).filter(({ result }) => result !== 'ok')
      expect(checks).toMatchObject([{ check: 'backups match their checksums', result: 'note', found: lost }, {}])
      expect(checks[1]).toMatchObject({ check: 'a restore would find what it needs', result: 'note' })
      const restore = await restoreFeature(db, feature)
      expect(restore).toMatchObject({ outcome: 'restored', warnings: lost })
      expect(await query('select a from t')).toEqual([{ a: 'kept' }])
      expect(await query('select id, v from log')).toEqual([{ id: 1, v: 'kept' }])
      expect(await query('select id from sale')).toEqual([{ id: 1 }])
      expect(await query('select * from cache')).toEqual([])
    })
  } finally {
    await server.remove()
  }
})

const database = useDatabase()
const feature = { name: 'f', tables: ['cache'] }

test.each([
  ['whose rows were deleted', 'create unlogged table cache (id int, v text)', 'delete from backup_cache'],
  ['that has other rows', 'create unlogged table cache (id int, v text)', 'update backup_cache set v = null'],
  [
    'that was logged',
    'create table cache (id int, v text)',
    'alter table backup_cache set unlogged; truncate backup_cache',
  ],
])('a backup %s is refused', async (_, table, sql) => {
  await asOwner(database(), `${table}; insert into cache values (1, 'a')`)
  await removeFeature(database().db, feature)
  await asOwner(database(), sql)
  // as one that was upgraded, where definitions are not compared
  await database().query(`update unship.runs set report = jsonb_set(report, '{definitions,major}', '1')`)
  await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
})

test('an emptied unlogged partition comes back so from the archive, too, but not where a logged one has changed', async () => {
  await asOwner(
    database(),
    `create table cache (id int, v text) partition by list (id);
     create table cache_1 partition of cache for values in (1); create unlogged table cache_2 partition of cache for values in (2);
     insert into cache values (1, 'a'), (2, 'b')`,
  )
  await removeFeature(database().db, feature)
  await archiveBackups(database().db, feature)
  await asOwner(database(), `truncate backup_cache_2; update backup_cache_1 set v = 'b'`)
  const error = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
  expect(error.detail).toContain('sealed as 2:')
  await asOwner(database(), `update backup_cache_1 set v = 'a'`)
  const { warnings } = await restoreFeature(database().db, feature)
  expect(warnings).toEqual([expect.stringContaining('cache_2 is unlogged')])
})

test('a sequence that was set back is refused where the rows of its unlogged table are there, or rows alone are gone', async () => {
  if (major() < 15) return
  await asOwner(database(), `create unlogged table cache (id serial, v text); insert into cache (v) values ('a')`)
  await removeFeature(database().db, feature)
  const back = `alter sequence backup_cache_id_seq restart`
  await asOwner(database(), back)
  await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
  await asOwner(database(), `select nextval('backup_cache_id_seq'); truncate backup_cache`)
  await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
  await asOwner(database(), back)
  expect((await restoreFeature(database().db, feature)).warnings).toEqual([
    expect.stringContaining('cache is unlogged'),
  ])
})

test('an unlogged sequence is told in both directions, and comes back at its start', async () => {
  if (major() < 15) return
  await asOwner(database(), `create unlogged sequence number; select nextval('number')`)
  const sequence = { name: 'f', sequences: ['number'] }
  const removal = await removeFeature(database().db, sequence)
  expect(removal.warnings).toEqual([expect.stringContaining('sequence number is unlogged')])
  await asOwner(database(), 'alter sequence backup_number restart')
  const { warnings } = await restoreFeature(database().db, sequence)
  expect(warnings).toEqual([expect.stringContaining('sequence backup_number is unlogged')])
})
