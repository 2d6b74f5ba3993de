import { expect, test } from 'vitest'
import { SCHEMA } from '../rehearse/schema.ts'
import { useDatabase } from '../support/database.ts'
import { migration, project, unship } from './support.ts'

/** A project whose configuration exports a migrator, as well as a connection that the migrator may have of its own. */
const withMigrator = (migrator: string) => `
  import { defineConfig } from 'kysely-ctl'
  import { Kysely, PostgresDialect } from 'kysely'
  import { Migrator } from 'kysely/migration'
  import { connectionPool } from 'kysely-unship'
  import * as first from './migrations/1_customers.ts'
  import * as kind from './migrations/2_kind.ts'
  const own = new Kysely<any>({ dialect: new PostgresDialect({ pool: () => connectionPool() }) })
  const provider = { getMigrations: async () => ({ '1_customers': first, '2_kind': kind }) }
  const migratorOn = (db: Kysely<any>) => new Migrator({ db, provider, disableTransactions: true })
  let kept: Migrator | undefined
  export default defineConfig({ kysely: own, migrations: { migrator: ${migrator} } })`

const ownMigrator = (migrator: string) =>
  project({
    'kysely.config.ts': withMigrator(migrator),
    'schema.sql': SCHEMA,
    'migrations/1_customers.ts': `
      export const up = (db: any) => db.schema.createTable('customers').addColumn('id', 'integer').execute()
      export const down = (db: any) => db.schema.dropTable('customers').execute()`,
    'migrations/2_kind.ts': migration({ name: 'kind', columns: { item: ['kind'] } }),
  })

const database = useDatabase()

/** As it stands where the first migration was run. */
async function useCustomers(): Promise<void> {
  await database().query(`
    drop table if exists customers, kysely_migration, kysely_migration_lock;
    set role crm_owner;
    create table customers (id int primary key);
    insert into customers values (1);
    create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null);
    create table kysely_migration_lock (id varchar(255) primary key, is_locked int not null default 0);
    insert into kysely_migration values ('1_customers', '2024-01-01T00:00:00.000Z');
    reset role`)
}

const standing = () =>
  database()
    .query(`select c.relname, pg_catalog.query_to_xml(pg_catalog.format('select * from %s', c.oid::regclass), true, true, '')::text as rows
    from pg_catalog.pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace order by 1`)

const NOT_USED = "the configuration's migrator does not use the Kysely that it is given"
const OTHER_RECORD = "the configuration's migrator does not go by the record of the Kysely that it is given"

test.each([
  ['its own', '() => migratorOn(own)', 1, NOT_USED],
  ['its own, made beforehand', 'migratorOn(own)', 1, NOT_USED],
  ['the first that it was given', '(db) => (kept ??= migratorOn(db))', 5, NOT_USED],
  [
    'both',
    `(db) => Object.assign(migratorOn(own), {
      getMigrations: () => migratorOn(db).getMigrations().then(() => migratorOn(own).getMigrations()) })`,
    5,
    OTHER_RECORD,
  ],
])(
  'a rehearsal runs nothing by a migrator that does not use the Kysely it is given, but %s',
  async (_, migrator, code, message) => {
    await useCustomers()
    const before = await standing()
    const cwd = await ownMigrator(migrator)
    const ended = await unship(['rehearse', '--schema', 'schema.sql'], { DATABASE_URL: database().ownerUrl }, { cwd })
    expect(await standing()).toEqual(before)
    expect(ended, ended.out + ended.err).toMatchObject({ code })
    expect(ended.out + ended.err).toContain(message)
  },
)

test('it is refused with --from, too, and where its own database does not answer', async () => {
  await useCustomers()
  const cwd = await ownMigrator('() => migratorOn(own)')
  for (const [words, url] of [
    [['--from', 'SOURCE'], database().ownerUrl],
    [['--schema', 'schema.sql'], 'postgres://crm@127.0.0.1:1/crm'],
  ] as const) {
    const settings = { DATABASE_URL: url, SOURCE: database().ownerUrl }
    const ended = await unship(['rehearse', ...words], settings, { cwd })
    expect(ended).toMatchObject({ code: 1, out: '', err: expect.stringContaining(NOT_USED) })
  }
})
