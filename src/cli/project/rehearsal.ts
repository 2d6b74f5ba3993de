import { isDeepStrictEqual } from 'node:util'
import { sql, type KyselyPlugin } from 'kysely'
import { NO_MIGRATIONS, type MigrationResultSet } from 'kysely/migration'
import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { RehearsalOptions } from '../../rehearse/rehearse.ts'
import { readStatus } from '../../run/status/read-status.ts'
import type { Project, ProjectMigrator } from './config.ts'
import type { FoundFeature } from './migrations.ts'
import { otherRecord, provenMigrator, recordNotFound, type ProvenMigrator, type Watched } from './proven-migrator.ts'
import { QueryWatch } from './query-watch.ts'

/** A migration that has been run where the schema comes from. */
export interface Executed {
  readonly name: string
  readonly at: Date
}

/** A project, and the plugins that its migrations are run with. */
export interface Rehearsable {
  readonly project: Project
  readonly plugins: readonly KyselyPlugin[]
}

/** A migration, all the features that it removes, and what was run before it. */
export interface Rehearsed {
  readonly migration: string
  readonly features: readonly FeatureDeclaration[]
  readonly executed: readonly Executed[]
}

/**
 * What a rehearsal of a migration runs: the project's own migrator, told what has been run already;
 * first what is pending before the migration, then the migration, then its `down`.
 */
export function rehearsalOf(
  opened: Rehearsable,
  { migration, features, executed }: Rehearsed,
): Pick<RehearsalOptions, 'prepare' | 'up' | 'down' | 'log'> {
  const watch = new QueryWatch()
  const { project } = opened
  const proven = (db: AnyKysely) => provenOn(opened, { db, watch })
  /** One that may migrate: it knows of the runs that this server knows of, and of no others. */
  const migratorOn = async (db: AnyKysely): Promise<ProjectMigrator> => {
    const found = await proven(db)
    if (!isDeepStrictEqual(byName(executedOf(found.migrations)), byName(await readRecord(db, found))))
      throw otherRecord(project)
    return found.migrator
  }
  return {
    log: watch.log,
    async prepare(db) {
      await writeRecord(db, await proven(db), []) // rows may have been made up for it
      finished(await (await migratorOn(db)).migrateTo(NO_MIGRATIONS)) // makes its tables: nothing was run that could be undone
      const made = await proven(db)
      if (made.record === null) throw recordNotFound(project)
      await writeRecord(db, made, executed)
      const before = made.migrations.slice(
        0,
        made.migrations.findIndex(({ name }) => name === migration),
      )
      const last = before.findLast(({ name }) => executed.every((other) => other.name !== name))
      if (last) finished(await (await migratorOn(db)).migrateTo(last.name))
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

/** The project's migrator on another Kysely than its own, which gets its plugins. */
export const provenOn = ({ project, plugins }: Rehearsable, { db, watch }: Watched): Promise<ProvenMigrator> =>
  provenMigrator(project, { db: plugins.reduce((with_, plugin) => with_.withPlugin(plugin), db), watch })

/** The migrations that are on a database's record. */
export function executedOf(found: readonly { name: string; executedAt?: Date | undefined }[]): Executed[] {
  return found.flatMap(({ name, executedAt }) => (executedAt ? [{ name, at: executedAt }] : []))
}

/** All before a migration, for a schema that does not say what was run. */
export function assumedBefore(names: readonly string[], { migration }: Pick<FoundFeature, 'migration'>): Executed[] {
  return names.slice(0, names.indexOf(migration)).map((name, n) => ({ name, at: new Date(n * 1000) }))
}

const byName = (executed: readonly Executed[]) => executed.toSorted((a, b) => (a.name < b.name ? -1 : 1))

type RecordOf = Pick<ProvenMigrator, 'record'>

async function readRecord(db: AnyKysely, { record }: RecordOf): Promise<Executed[]> {
  if (record === null) return []
  const { rows } = await sql<{ name: string; timestamp: string }>`
    select "name", "timestamp" from ${sql.id(...record)}`.execute(db)
  return rows.map(({ name, timestamp }) => ({ name, at: new Date(timestamp) }))
}

async function writeRecord(db: AnyKysely, { record }: RecordOf, executed: readonly Executed[]): Promise<void> {
  if (record === null) return
  const table = sql.id(...record)
  await sql`delete from ${table}`.execute(db)
  for (const { name, at } of executed)
    await sql`insert into ${table} ("name", "timestamp") values (${name}, ${at.toISOString()})`.execute(db)
}

/** A migrator never throws. */
function finished({ error }: MigrationResultSet): void {
  if (error === undefined) return
  throw error instanceof Error ? error : new Error('a migration failed', { cause: error })
}
