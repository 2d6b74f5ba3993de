import { sql, type CompiledQuery } from 'kysely'
import type { MigrationInfo } from 'kysely/migration'
import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import { tableOf } from '../../migration-record.ts'
import type { Project, ProjectMigrator } from './config.ts'
import { featuresIn, migratorOf, readMigrations, type FoundFeature } from './migrations.ts'
import type { QueryWatch } from './query-watch.ts'

/** A Kysely, and what tells of its queries. */
export interface Watched {
  readonly db: AnyKysely
  readonly watch: QueryWatch
}

/** The project's migrator, which has used the Kysely that it was given, and what it says. */
export interface ProvenMigrator {
  readonly migrator: ProjectMigrator
  readonly migrations: readonly MigrationInfo[]
  readonly features: readonly FoundFeature[]
  /** The table that it read what was run from; null where there is none yet. */
  readonly record: readonly string[] | null
}

/**
 * The project's migrator on a Kysely. `migrations.migrator` may be one that has another, as the project's own: it would
 * migrate, up and down, what nobody meant. So it is let list the migrations, which changes nothing, and is refused where
 * the Kysely that it was given saw nothing of that.
 */
export async function provenMigrator(project: Project, { db, watch }: Watched): Promise<ProvenMigrator> {
  const { migrator, modules } = await migratorOf(project, db)
  // of a database that does not answer, its own error is told
  await sql`select 1`.execute(db)
  const queries: CompiledQuery[] = []
  const migrations = await watch
    .during(queries, () => readMigrations(migrator))
    .catch((error: unknown) => {
      throw queries.length === 0 ? notUsed(project, error) : error
    })
  if (queries.length === 0) throw notUsed(project)
  const record = queries.map(({ query }) => tableOf(query)).findLast((table) => table !== null) ?? null
  return { migrator, migrations, features: featuresIn(migrations, modules), record }
}

const HINT = 'Have it take that one: migrator: (db) => new Migrator({ db, provider }).'

const notUsed = ({ configFile }: Project, cause?: unknown) =>
  new UnshipError({
    code: 'no_config',
    message: "the configuration's migrator does not use the Kysely that it is given",
    detail: `migrations.migrator in ${configFile} uses another: what is tried here would be run on the database of that one.`,
    hint: HINT,
    cause,
  })

/** Where a migrator knows of other runs than those that it was given. */
export const otherRecord = ({ configFile }: Project) =>
  new UnshipError({
    code: 'no_config',
    message: "the configuration's migrator does not go by the record of the Kysely that it is given",
    detail: `migrations.migrator in ${configFile} tells of other migrations that were run than the rehearsal's server has on record.`,
    hint: HINT,
  })

export const recordNotFound = ({ configFile }: Project) =>
  new UnshipError({
    code: 'no_config',
    message: "it is not to be seen where the configuration's migrator keeps its record",
    detail: `migrations.migrator in ${configFile} lists migrations without selecting from a table of its own.`,
    hint: "Have it be Kysely's own Migrator.",
  })
