import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type CompiledQuery,
} from 'kysely'
import { NO_MIGRATIONS, type MigrationInfo, type MigrationResultSet } from 'kysely/migration'
import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { tableOf } from '../../migration-record.ts'
import type { RehearsalOptions } from '../../rehearse/rehearse.ts'
import { readStatus } from '../../run/status/read-status.ts'
import { made, type Project, type ProjectMigrator } from './config.ts'
import { migratorOf, type FoundFeature } from './migrations.ts'
import { QueryWatch } from './query-watch.ts'

/** A database without rows: all migrations are pending in it. */
export const nowhere = (): AnyKysely =>
  new Kysely({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })

/** A migration that has been run where the schema comes from. */
export interface Executed {
  readonly name: string
  readonly at: Date
}

/**
 * What a rehearsal of a migration runs: the project's own migrator, told what has been run already;
 * first what is pending before the migration, then the migration, then its `down`.
 */
export function rehearsalOf(
  project: Project,
  { migration, features }: { migration: string; features: readonly FeatureDeclaration[] },
  executed: readonly Executed[],
): Pick<RehearsalOptions, 'prepare' | 'up' | 'down' | 'log'> {
  const watch = new QueryWatch()
  const migratorOn = async (plain: AnyKysely) => {
    const plugins = project.config.plugins ? await made(project.config.plugins) : []
    const db = plugins.reduce((with_, plugin) => with_.withPlugin(plugin), plain)
    return (await migratorOf(project, db)).migrator
  }
  const listed = (migrator: ProjectMigrator) => listMigrations(migrator, watch)
  return {
    log: watch.log,
    async prepare(db) {
      const migrator = await migratorOn(db)
      await writeRecord(db, await listed(migrator), []) // rows may have been made up for it
      finished(await migrator.migrateTo(NO_MIGRATIONS)) // makes its tables
      const made = await listed(migrator)
      if (made.record === null) throw recordNotFound(project)
      await writeRecord(db, made, executed)
      const before = made.migrations.slice(
        0,
        made.migrations.findIndex(({ name }) => name === migration),
      )
      const last = before.findLast(({ name }) => executed.every((other) => other.name !== name))
      if (last) finished(await migrator.migrateTo(last.name))
    },
    async up(db) {
      finished(await (await migratorOn(db)).migrateTo(migration))
      const statuses = await readStatus(db)
      const untouched = features.filter(
        ({ name }) => statuses.find(({ feature }) => feature === name)?.state !== 'removed',
      )
      if (untouched.length > 0)
        throw new UnshipError({
          code: 'wrong_state',
          message: `migration ${migration} did not remove ${untouched.map(({ name }) => name).join(', ')}`,
          detail: 'Without a removal there is no restore to prove.',
          hint: 'Take the schema of a database that still has the feature.',
        })
    },
    async down(db) {
      finished(await (await migratorOn(db)).migrateDown())
    },
  }
}

/** The migrations that are on a database's record. */
export function executedOf(found: readonly { name: string; executedAt?: Date | undefined }[]): Executed[] {
  return found.flatMap(({ name, executedAt }) => (executedAt ? [{ name, at: executedAt }] : []))
}

/** All before a migration, for a schema that does not say what was run. */
export function assumedBefore(names: readonly string[], { migration }: Pick<FoundFeature, 'migration'>): Executed[] {
  return names.slice(0, names.indexOf(migration)).map((name, n) => ({ name, at: new Date(n * 1000) }))
}

/** What a migrator lists. */
interface Listed {
  readonly migrations: readonly MigrationInfo[]
  /** The table that it read what was run from; null where there is none yet. */
  readonly record: readonly string[] | null
}

async function listMigrations(migrator: ProjectMigrator, watch: QueryWatch): Promise<Listed> {
  const queries: CompiledQuery[] = []
  const migrations = await watch.during(queries, () => migrator.getMigrations())
  const record = queries.map(({ query }) => tableOf(query)).findLast((table) => table !== null) ?? null
  return { migrations, record }
}

async function writeRecord(
  db: AnyKysely,
  { record }: Pick<Listed, 'record'>,
  executed: readonly Executed[],
): Promise<void> {
  if (record === null) return
  const table = sql.id(...record)
  await sql`delete from ${table}`.execute(db)
  for (const { name, at } of executed)
    await sql`insert into ${table} ("name", "timestamp") values (${name}, ${at.toISOString()})`.execute(db)
}

const recordNotFound = ({ configFile }: Project) =>
  new UnshipError({
    code: 'no_config',
    message: "it is not to be seen where the configuration's migrator keeps its record",
    detail: `migrations.migrator in ${configFile} lists migrations without selecting from a table of its own.`,
    hint: "Have it be Kysely's own Migrator.",
  })

/** A migrator never throws. */
function finished({ error }: MigrationResultSet): void {
  if (error === undefined) return
  throw error instanceof Error ? error : new Error('a migration failed', { cause: error })
}
