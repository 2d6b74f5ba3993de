import { expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { json, project, unship } from './support.ts'

const database = useDatabase()

// as docs/writing-a-removal.md has it
const CONFIG = `
  import { fileURLToPath } from 'node:url'
  import { TSFileMigrationProvider, defineConfig } from 'kysely-ctl'
  import { MigrationDialect, connectionPool, guardMigrations } from 'kysely-unship'
  const migrationFolder = fileURLToPath(new URL('migrations', import.meta.url))
  export default defineConfig({
    dialect: new MigrationDialect({ pool: () => connectionPool() }),
    migrations: { provider: guardMigrations(new TSFileMigrationProvider({ migrationFolder })), disableTransactions: true },
  })`
/** A migration by its default export, as Kysely's providers take it, and the feature beside it. */
const removal = (then: string) => `
  import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
  export const feature = defineFeature()({ name: 'f', columns: { h: ['a'] } })
  export default {
    up: async (db: any) => { await removeFeature(db, feature); ${then} },
    down: (db: any) => restoreFeature(db, feature),
  }`
const FIRST = `
  export const up = (db: any) => db.schema.createTable('first').addColumn('id', 'integer').execute()
  export const down = (db: any) => db.schema.dropTable('first').execute()`

test('a feature beside a default export is found, and its removal without a record guarded', async () => {
  await database().query('create table h (id uuid primary key, a int); alter table h owner to crm_owner')
  const settings = { DATABASE_URL: database().ownerUrl }
  const cwd = await project({
    'kysely.config.ts': CONFIG,
    'migrations/1_first.ts': FIRST,
    'migrations/2_f.ts': removal(`throw new Error('the client dies')`),
  })
  expect.soft(json(await unship(['plan', '--json'], settings, { cwd }))).toMatchObject({ feature: 'f' })
  expect(await kysely('migrate:latest', settings, { cwd })).toMatchObject({ code: 1 })
  const { output } = await kysely('migrate:down', settings, { cwd })
  expect.soft(output).toContain('migration 1_first is not undone')
  expect.soft(output).toContain('Kysely has no record of migration 2_f')
  expect.soft(output).toContain('unship abort f')
  expect(await database().query('select * from first')).toEqual([])
}, 120_000)
