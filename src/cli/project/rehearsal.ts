import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely'
import { NO_MIGRATIONS, type MigrationResultSet } from 'kysely/migration'
import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { RehearsalOptions } from '../../rehearse/rehearse.ts'
import { readStatus } from '../../run/status/read-status.ts'
import { made, type Project } from './config.ts'
import { migratorOf, type FoundFeature } from './migrations.ts'

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
): Pick<RehearsalOptions, 'prepare' | 'up' | 'down'> {
  const migratorOn = async (plain: AnyKysely) => {
    const plugins = project.config.plugins ? await made(project.config.plugins) : []
    const db = plugins.reduce((with_, plugin) => with_.withPlugin(plugin), plain)
    return (await migratorOf(project, db)).migrator
  }
  return {
    async prepare(db) {
      const migrator = await migratorOn(db)
      finished(await migrator.migrateTo(NO_MIGRATIONS)) // makes its tables
      await record(project, db, executed)
      const all = await migrator.getMigrations()
      const before = all.slice(
        0,
        all.findIndex(({ name }) => name === migration),
      )
      const last = before.findLast(({ executedAt }) => executedAt === undefined)
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

async function record({ config }: Project, db: AnyKysely, executed: readonly Executed[]): Promise<void> {
  const { migrationTableName = 'kysely_migration', migrationTableSchema } = config.migrations ?? {}
  const table =
    migrationTableSchema === undefined ? sql.id(migrationTableName) : sql.id(migrationTableSchema, migrationTableName)
  await sql`delete from ${table}`.execute(db)
  for (const { name, at } of executed)
    await sql`insert into ${table} ("name", "timestamp") values (${name}, ${at.toISOString()})`.execute(db)
}

/** A migrator never throws. */
function finished({ error }: MigrationResultSet): void {
  if (error === undefined) return
  throw error instanceof Error ? error : new Error('a migration failed', { cause: error })
}
