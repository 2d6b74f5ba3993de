import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Migrator, type Migration, type MigrationInfo, type MigrationProvider } from 'kysely/migration'
import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import { isFeature, type FeatureDeclaration } from '../../feature.ts'
import { INSUFFICIENT_PRIVILEGE, sqlState } from '../../run/query.ts'
import { made, type Project, type ProjectMigrator } from './config.ts'
import { loaded } from './load.ts'

/** A feature, and the migration that removes it. */
export interface FoundFeature {
  readonly feature: FeatureDeclaration
  readonly migration: string
  /** When Kysely ran the migration; null where it is pending. */
  readonly executedAt: Date | null
}

/** The features that the project's migrations export, in the order of the migrations. */
export async function readFeatures(project: Project, db: AnyKysely): Promise<FoundFeature[]> {
  const { migrator, modules } = await migratorOf(project, db)
  return featuresIn(await readMigrations(migrator), modules)
}

export const readMigrations = (migrator: ProjectMigrator): Promise<readonly MigrationInfo[]> =>
  migrator.getMigrations().catch(refused)

/** The features that these migrations export, or the files that they are of. */
export const featuresIn = (
  migrations: readonly MigrationInfo[],
  modules: ReadonlyMap<string, object>,
): FoundFeature[] =>
  migrations.flatMap(({ name, migration, executedAt = null }) =>
    featuresOf(modules.get(name) ?? migration).map((feature) => ({ feature, migration: name, executedAt })),
  )

/** Who may look at the feature may not always look at Kysely's own table. */
function refused(error: unknown): never {
  if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error
  throw new UnshipError({
    code: 'missing_privilege',
    message: 'the role may not read which migrations were run',
    detail: `${error instanceof Error ? error.message : String(error)}.`,
    hint: 'Grant it SELECT on that table, or connect as the role that runs the migrations.',
    cause: error,
  })
}

/** The project's migrator on a database, and what each file of the folder exports where it reads one. */
export async function migratorOf(
  project: Project,
  db: AnyKysely,
): Promise<{ migrator: ProjectMigrator; modules: ReadonlyMap<string, object> }> {
  const { migrator, provider, migrationFolder: _, allowJS, ...options } = project.config.migrations ?? {}
  if (migrator) return { migrator: await made(migrator, db), modules: new Map() }
  const folder = new FolderProvider(project, provider ? true : (allowJS ?? false))
  const used = provider ? await made(provider) : await folder.read()
  if (provider) await readBeside(folder, project, await used.getMigrations())
  return { migrator: new Migrator({ ...options, db, provider: used }), modules: folder.modules }
}

/** A provider hands on a default export alone: where it holds no feature, the file of its name may export one beside it. */
async function readBeside(
  folder: FolderProvider,
  { migrationFolder }: Project,
  given: Readonly<Record<string, Migration>>,
): Promise<void> {
  // the provider may read another folder than the usual one
  if (!existsSync(migrationFolder)) return
  await folder.read((name) => {
    const migration = given[name]
    return migration !== undefined && featuresOf(migration).length === 0
  })
}

/** Exports of a migration that `defineFeature` made, each once. */
function featuresOf(migration: MigrationInfo['migration'] | object): FeatureDeclaration[] {
  const exported = Object.values(migration) as unknown[]
  const ofDefault = 'default' in migration && isObject(migration.default) ? Object.values(migration.default) : []
  return [...new Set([...exported, ...(ofDefault as unknown[])])].filter(isFeature)
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** The migrations of a folder, as kysely-ctl reads them; it is never created. */
class FolderProvider implements MigrationProvider {
  /** What each file exports, its features included. */
  readonly modules = new Map<string, object>()
  readonly #project: Project
  readonly #pattern: RegExp

  constructor(project: Project, allowJS: boolean) {
    this.#project = project
    this.#pattern = allowJS ? /(?<!\.d)\.[cm]?[jt]s$/ : /(?<!\.d)\.[cm]?ts$/
  }

  /** Loads every file that is wanted, so that a missing folder shows before the database is asked. */
  async read(isWanted: (migration: string) => boolean = () => true): Promise<this> {
    const { migrationFolder, configFile, jiti } = this.#project
    const files = await readdir(migrationFolder).catch((error: unknown) => {
      throw new UnshipError({
        code: 'no_migrations',
        message: `there is no migrations folder ${migrationFolder}`,
        detail: `${configFile} names it${this.#project.config.migrations?.migrationFolder === undefined ? ' by default' : ''}.`,
        hint: 'Set migrations.migrationFolder in the configuration.',
        cause: error,
      })
    })
    for (const file of files.filter((name) => this.#pattern.test(name) && isWanted(parse(name).name))) {
      const path = join(migrationFolder, file)
      const module = await loaded(path, 'no_migrations', async () =>
        file.endsWith('ts') ? await jiti.import(path) : ((await import(pathToFileURL(path).href)) as unknown),
      )
      if (isObject(module)) this.modules.set(parse(file).name, module)
    }
    return this
  }

  getMigrations(): Promise<Record<string, Migration>> {
    const migrations = [...this.modules].flatMap(([name, module]): [string, Migration][] => {
      const migration = 'default' in module && isMigration(module.default) ? module.default : module
      return isMigration(migration) ? [[name, migration]] : []
    })
    return Promise.resolve(Object.fromEntries(migrations))
  }
}

const isMigration = (value: unknown): value is Migration =>
  isObject(value) && 'up' in value && typeof value.up === 'function'
