import { expect, test } from 'vitest'
import { entry, SCHEMA } from '../rehearse/schema.ts'
import { migration, project, unship } from './support.ts'

const withKysely = (kysely: string) => `
  import { defineConfig } from 'kysely-ctl'
  import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
  import { connectionPool } from 'kysely-unship'
  const plugins = [new CamelCasePlugin()]
  const dialect = new PostgresDialect({ pool: () => connectionPool() })
  export default defineConfig({ ${kysely}, migrations: { migrationFolder: 'migrations', disableTransactions: true } })`

test.each([
  ['beside a dialect', 'dialect, plugins'],
  ['in an instance', 'kysely: () => new Kysely({ dialect, plugins })'],
])("a rehearsal runs with the project's plugins: %s", async (_, kysely) => {
  const cwd = await project({
    'kysely.config.ts': withKysely(kysely),
    'schema.sql':
      SCHEMA + entry('TABLE', 'shop_item', 'CREATE TABLE public.shop_item (id int PRIMARY KEY, item_kind text);'),
    'migrations/1_kind.ts': migration({ name: 'kind', columns: { shopItem: ['itemKind'] } }),
  })
  const ended = await unship(['rehearse', '--schema', 'schema.sql'], {}, { cwd })
  expect(ended, ended.out + ended.err).toMatchObject({
    code: 0,
    out: expect.stringContaining('exact: removed and restored'),
  })
})
