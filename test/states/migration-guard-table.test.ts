import { Kysely } from 'kysely'
import { Migrator, type Migration, type MigratorProps } from 'kysely/migration'
import { beforeEach, expect, test } from 'vitest'
import { defineFeature, guardMigrations, MigrationDialect, removeFeature, restoreFeature } from 'kysely-unship'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'

const database = useDatabase()
beforeEach(() => database().query('create table h (id uuid primary key, a int); alter table h owner to crm_owner'))

const feature = defineFeature()({ name: 'f', columns: { h: ['a'] } })

const creates = (table: string): Migration => ({
  up: (db: Kysely<any>) => db.schema.createTable(table).addColumn('id', 'integer').execute(),
  down: (db: Kysely<any>) => db.schema.dropTable(table).execute(),
})
const removal = {
  feature,
  up: (db: Kysely<any>) => removeFeature(db, feature).then(() => undefined),
  down: (db: Kysely<any>) => restoreFeature(db, feature).then(() => undefined),
}
/** The client dies before Kysely has recorded it. */
const dying = {
  ...removal,
  up: async (db: Kysely<any>) => {
    await removal.up(db)
    throw new Error('the client dies here')
  },
}

type Settings = Partial<MigratorProps>

async function migrate(
  direction: 'up' | 'down',
  migrations: Record<string, Migration>,
  settings: Settings,
  told: Settings = {},
) {
  const db = new Kysely<any>({ dialect: new MigrationDialect({ pool: createPool(database().ownerUrl, 2) }) })
  try {
    const provider = guardMigrations({ getMigrations: () => Promise.resolve(migrations) }, told)
    const migrator = new Migrator({ db, provider, disableTransactions: true, ...settings })
    const { error, results } = await (direction === 'up' ? migrator.migrateToLatest() : migrator.migrateDown())
    return { error: String(error), done: (results ?? []).map((r) => `${r.migrationName} ${r.status}`) }
  } finally {
    await db.destroy()
  }
}

/** A record that is not the migrator's: of another program, or from before the project moved its own. */
const recordIn = (schema: string, names: readonly string[]) =>
  database().query(`
    create schema if not exists ${schema} authorization crm_owner;
    create table ${schema}.kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null);
    alter table ${schema}.kysely_migration owner to crm_owner;
    ${names.map((name, n) => `insert into ${schema}.kysely_migration values ('${name}', '2026-01-01T00:00:0${String(n)}Z')`).join(';')}`)

const SETTINGS: [string, Settings, Settings][] = [
  ['migrationTableSchema', { migrationTableSchema: 'migrations' }, {}],
  ['migrationTableName', { migrationTableName: 'my_migrations' }, {}],
  [
    'migrationTableSchema, which the guard is told',
    { migrationTableSchema: 'migrations' },
    { migrationTableSchema: 'migrations' },
  ],
  [
    'migrationTableName, which the guard is told',
    { migrationTableName: 'my_migrations' },
    { migrationTableName: 'my_migrations' },
  ],
]

test.each(SETTINGS)(
  'migrate:down with %s does not undo the migration before a removal without a record',
  async (_, settings, told) => {
    await database().query('create schema migrations authorization crm_owner')
    await migrate('up', { a: creates('first'), b: dying }, settings, told)
    const { error, done } = await migrate('down', { a: creates('first'), b: removal }, settings, told)
    expect(done).toEqual(['a Error'])
    expect(error).toContain('Kysely has no record of migration b')
    expect(await database().query('select * from first')).toEqual([])

    // the way out
    const migrations = { a: creates('first'), b: removal, c: creates('third') }
    expect((await migrate('up', migrations, settings, told)).done).toEqual(['b Success', 'c Success'])
    for (const name of ['c', 'b', 'a'])
      expect((await migrate('down', migrations, settings, told)).done).toEqual([`${name} Success`])
  },
)

test.each([
  ['an empty kysely_migration', []],
  ['the record of another program', ['x', 'y']],
  ['the record as it was before it moved', ['a']],
])('%s beside the configured one does not block migrate:down', async (_, names) => {
  await recordIn('public', names)
  const settings = { migrationTableSchema: 'migrations' }
  const migrations = { a: creates('first'), b: removal, c: creates('third') }
  expect((await migrate('up', migrations, settings)).error).toBe('undefined')
  for (const name of ['c', 'b', 'a'])
    expect((await migrate('down', migrations, settings)).done).toEqual([`${name} Success`])
})

test('records that contradict each other make migrate:down refuse until it is told which is meant', async () => {
  const settings = { migrationTableSchema: 'migrations' }
  const migrations = { a: creates('first'), b: removal, c: creates('third') }
  await migrate('up', migrations, settings)
  await recordIn('old', ['a', 'c'])
  const { error, done } = await migrate('down', migrations, settings)
  expect(done).toEqual(['c Error'])
  expect(error).toContain(
    'Migration b is on record in "migrations"."kysely_migration", and not in "old"."kysely_migration"',
  )
  expect(error).toContain('guardMigrations(provider, { migrationTableSchema, migrationTableName })')

  // told another one than the migrator's, whose last migration is not what is undone
  await recordIn('older', ['a'])
  const wrong = await migrate('down', migrations, settings, { migrationTableSchema: 'older' })
  expect(wrong).toMatchObject({ done: ['c Error'], error: expect.stringContaining('c is not the last migration') })
  expect((await migrate('down', migrations, settings, settings)).done).toEqual(['c Success'])
})

test('a removal that ran out of the order of names is found on record', async () => {
  const settings = { allowUnorderedMigrations: true }
  const migrations = { a: removal, b: creates('first'), c: creates('third') }
  await migrate('up', { b: migrations.b }, settings)
  await migrate('up', { a: dying, b: migrations.b }, settings)
  expect((await migrate('down', { a: removal, b: migrations.b }, settings)).done).toEqual(['b Error'])
  expect((await migrate('up', migrations, settings)).done).toEqual(['a Success', 'c Success'])
  for (const name of ['c', 'a', 'b'])
    expect((await migrate('down', migrations, settings)).done).toEqual([`${name} Success`])
})

test('a record that cannot be recognized is judged by names, until it is told', async () => {
  // made by hand, before Kysely
  await database().query(`
    create table by_hand (name varchar(255) not null, timestamp varchar(255) not null, unique (name, timestamp));
    alter table by_hand owner to crm_owner`)
  const settings = { migrationTableName: 'by_hand' }
  const migrations = { a: creates('first'), b: removal, c: creates('third') }
  await migrate('up', { a: migrations.a, b: dying }, settings)
  const { done, error } = await migrate('down', migrations, settings)
  expect(done).toEqual(['a Error'])
  expect(error).toContain('If Kysely keeps its record elsewhere, say so: guardMigrations(provider')
  await migrate('up', migrations, settings)
  expect((await migrate('down', migrations, settings)).done).toEqual(['c Success'])
  expect((await migrate('down', migrations, settings, settings)).done).toEqual(['b Success'])
})

test('a removal is known by its migration, also where that hands on no feature', async () => {
  // what a provider makes of a default export with a feature beside it
  const bare = ({ feature: _, ...migration }: typeof removal): Migration => migration
  const migrations = { a: creates('first'), b: bare(removal), c: creates('third') }
  await migrate('up', { ...migrations, b: bare(dying) }, {})
  const { done, error } = await migrate('down', migrations, {})
  expect(done).toEqual(['a Error'])
  expect(error).toContain('Kysely has no record of migration b')
  await migrate('up', migrations, {})
  for (const name of ['c', 'b', 'a']) expect((await migrate('down', migrations, {})).done).toEqual([`${name} Success`])
})
