import { expect, test } from 'vitest'
import { entry, SCHEMA } from '../rehearse/schema.ts'
import { migration, project, unship } from './support.ts'

/** kysely-ctl takes no names of tables beside a migrator, which has them already. */
const withNames = (names: string) => `
  import { fileURLToPath } from 'node:url'
  import { TSFileMigrationProvider, defineConfig } from 'kysely-ctl'
  import { Migrator } from 'kysely/migration'
  import { MigrationDialect, connectionPool } from 'kysely-unship'
  const provider = new TSFileMigrationProvider({ migrationFolder: fileURLToPath(new URL('migrations', import.meta.url)) })
  export default defineConfig({
    dialect: new MigrationDialect({ pool: () => connectionPool() }),
    migrations: { migrator: (db) => new Migrator({ db, provider, disableTransactions: true, ${names} }) },
  })`

const COLUMNS = '(name varchar(255) PRIMARY KEY, "timestamp" varchar(255) NOT NULL)'

test.each([
  ['is not in the schema', `migrationTableName: 'migrations_run', migrationTableSchema: 'shop'`, ''],
  [
    'is, beside another of its form',
    `migrationTableName: 'migrations_run'`,
    entry('TABLE', 'labels', `CREATE TABLE public.labels ${COLUMNS};`) +
      entry('TABLE', 'migrations_run', `CREATE TABLE public.migrations_run ${COLUMNS};`) +
      entry('TABLE', 'seeds_run', `CREATE TABLE public.seeds_run ${COLUMNS};`),
  ],
])('a rehearsal runs with a migrator whose record has a name of its own, and %s', async (_, names, tables) => {
  const cwd = await project({
    'kysely.config.ts': withNames(names),
    'schema.sql': SCHEMA + tables,
    'migrations/1_first.ts': `export const up = async () => { throw new Error('was run long ago') }`,
    'migrations/2_kind.ts': migration({ name: 'kind', columns: { item: ['kind'] } }),
  })
  const ended = await unship(['rehearse', '--schema', 'schema.sql'], {}, { cwd })
  expect(ended, ended.out + ended.err).toMatchObject({ code: 0 })
})
