import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { asRun } from '../../src/run/as-run.ts'
import { reportOf } from '../../src/run/restore/restore-phases.ts'
import { runShort } from '../../src/run/short.ts'
import { lockHost } from '../../src/plan/tree.ts'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { asOwner } from '../support/round-trip.ts'

/*
 * A database may have thousands of tables that a feature has nothing to do with, and as many that refer to its host tables.
 */

const database = useDatabase()

const feature: FeatureDeclaration = {
  name: 'extras',
  columns: { members: ['gone'] },
  views: ['extra_members'],
  indexes: ['members_gone'],
}

const HOST = `
  create table members (id int primary key, name text, gone text);
  create index members_gone on members (gone);
  create view extra_members as select id, gone from members where gone is not null;
  create function note() returns trigger language plpgsql as 'begin return new; end';
  create trigger note before update on members for each row execute function note();
  insert into members select n, 'member ' || n, case when n % 3 = 0 then 'extra ' || n end from generate_series(1, 100) n;`

/** How often each was read from end to end, in this database. */
async function scans(of: TestDatabase): Promise<Record<string, number>> {
  // sessions tell what they counted with some delay
  await sleep(1100)
  const rows = await of.query<{ relname: string; n: number }>(
    `select relname, seq_scan::int as n from pg_stat_sys_tables where relname in ('pg_constraint', 'pg_trigger', 'pg_index', 'pg_depend')`,
  )
  return Object.fromEntries(rows.map(({ relname, n }) => [relname, n]))
}

test('no catalog is read from end to end once for each table that refers to a host table', async () => {
  await asOwner(
    database(),
    `${HOST}
     do $$ begin
       for n in 1..400 loop
         execute format('create table t_%s (id int primary key, member int unique references members)', n);
       end loop;
     end $$`,
  )
  await database().query('analyze')
  const before = await scans(database())
  await removeFeature(database().db, feature)
  await restoreFeature(database().db, feature)
  const after = await scans(database())
  for (const [catalog, n] of Object.entries(after)) expect(n - (before[catalog] ?? 0), catalog).toBeLessThan(200)
})

test('a restore does not look at what is none of its feature’s, and of nobody’s lock on that', async () => {
  await asOwner(database(), `${HOST} create table other (id int); create view others as select id from other;`)
  await removeFeature(database().db, feature)
  const session = await database().connect()
  await session.query('begin; lock table others in access exclusive mode')
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  expect(await database().query('select gone from members where id = 6')).toEqual([{ gone: 'extra 6' }])
})

test('a sequence, statistics, a partition’s index and a type come back as they were, for all that is not read', async () => {
  await asOwner(
    database(),
    `create schema "s t";
     create type "s t"."a mood" as enum ('good', 'bad');
     create table "s t"."my members" (id int primary key, name text, gone "s t"."a mood", number serial);
     create table parts (id int, area int, gone text, primary key (id, area)) partition by list (area);
     create table parts_1 partition of parts for values in (1);
     create index "parts gone" on parts (gone);
     create statistics "s t"."gone (too)" on name, gone from "s t"."my members";
     insert into "s t"."my members" values (1, 'one', 'good'); insert into parts values (1, 1, 'this');`,
  )
  const odd: FeatureDeclaration = {
    name: 'odd',
    columns: { 's t.my members': ['gone', 'number'], parts: ['gone'] },
    types: ['s t.a mood'],
    indexes: ['parts gone'],
    statistics: ['s t.gone (too)'],
  }
  const before = await readState(database())
  await removeFeature(database().db, odd)
  expect(await restoreFeature(database().db, odd)).toMatchObject({ outcome: 'restored', warnings: [], setAside: [] })
  expect(await readState(database())).toEqual(before)
})

/** A restore that does nothing but wait, for so many seconds, ahead of its locks and under them. */
const waiting = (ahead: string, under: string, lockAttempts = 2, db = database().db) =>
  asRun('restore', db, feature, { lockAttempts }, async (context) => {
    await runShort(context, {
      phase: 'add',
      ahead: { locks: [], statements: [`select pg_catalog.pg_sleep(${ahead})`] },
      locks: [],
      statements: [`select pg_catalog.pg_sleep(${under})`],
      workLimitMs: 400,
    })
    return { ...reportOf(context, null), outcome: 'restored', hosts: [], setAside: [], retired: [] }
  })

/** Cancels what has waited for so long. */
const cancelled = (ms: number) =>
  database().query(
    `select pg_cancel_backend(pid) from pg_stat_activity
     where wait_event = 'PgSleep' and datname = current_database() and clock_timestamp() - query_start > '${String(ms)} ms'`,
  )

test('what is done ahead of the locks may take longer than what is done under them', async () => {
  await asOwner(database(), HOST)
  await removeFeature(database().db, feature)
  expect(await waiting('2', '0')).toMatchObject({ outcome: 'restored' })
  await expect(waiting('0', '2')).rejects.toMatchObject({ code: 'locked' })
})

test('who cancels what is done ahead of the locks ends the run, however long that has taken', async () => {
  await asOwner(database(), HOST)
  await removeFeature(database().db, feature)
  const run = expect(waiting('60', '0', 1)).rejects.toMatchObject({ code: 'statement_failed' })
  await expect.poll(() => cancelled(500)).toHaveLength(1)
  await run
})

test('so does who cancels what is done under them in a caller’s transaction, where there is no limit', async () => {
  await asOwner(database(), HOST)
  await removeFeature(database().db, feature)
  const run = database()
    .db.transaction()
    .execute((db) => waiting('0', '60', 1, db))
  const ended = expect(run).rejects.toMatchObject({ code: 'statement_failed' })
  await expect.poll(() => cancelled(1000)).toHaveLength(1)
  await ended
})

test('what concerns one partition locks that, what it is a part of, and no others', async () => {
  await asOwner(
    database(),
    `${HOST}
     create table tree (id int, gone text) partition by range (id);
     create table low partition of tree for values from (0) to (100) partition by range (id);
     create table low_1 partition of low for values from (0) to (10) partition by range (id);
     create table low_1_1 partition of low_1 for values from (0) to (5);
     create table low_2 partition of low for values from (10) to (20);
     create table high partition of tree for values from (100) to (200);
     create table seen (name text);`,
  )
  await removeFeature(database().db, feature)
  const name = (of: string) => ({ schema: 'public', name: of })
  const locked = async (member: string) => {
    await asRun('restore', database().db, feature, {}, async (context) => {
      await runShort(context, {
        phase: 'build',
        locks: [{ ...lockHost({ table: name('tree'), members: [] }), member: name(member) }],
        statements: [
          `insert into public.seen select c.relname from pg_locks l join pg_class c on c.oid = l.relation
           where l.pid = pg_backend_pid() and l.mode = 'AccessExclusiveLock'`,
        ],
      })
      return { ...reportOf(context, null), outcome: 'restored', hosts: [], setAside: [], retired: [] }
    })
    const rows = await database().query<{ name: string }>('delete from seen returning name')
    return rows.map((row) => row.name).sort()
  }
  expect(await locked('low_2')).toEqual(['low', 'low_2', 'tree'])
  expect(await locked('low_1')).toEqual(['low', 'low_1', 'low_1_1', 'tree'])
  expect(await locked('members')).toEqual([])
  expect(await locked('nowhere')).toEqual([])
})
