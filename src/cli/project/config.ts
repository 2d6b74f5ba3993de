import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { loadConfig } from 'c12'
import { createJiti, type Jiti } from 'jiti'
import type { Dialect, Kysely, KyselyPlugin } from 'kysely'
import type { MigrationProvider, Migrator } from 'kysely/migration'
import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import { loaded } from './load.ts'

/** A value, or a function that makes it. */
type Factory<T, Parameters extends readonly unknown[] = []> = T | ((...parameters: Parameters) => T | Promise<T>)

/** What of a migrator is used. */
export type ProjectMigrator = Pick<Migrator, 'getMigrations' | 'migrateTo' | 'migrateDown'>

/** What a kysely.config file holds, as far as it matters here. */
export interface KyselyConfig {
  readonly kysely?: Factory<AnyKysely>
  readonly dialect?: string | Factory<Dialect>
  readonly dialectConfig?: Factory<unknown>
  readonly plugins?: Factory<KyselyPlugin[]>
  readonly destroyOnExit?: boolean
  readonly migrations?: {
    readonly migrationFolder?: string
    readonly allowJS?: boolean
    readonly migrator?: Factory<ProjectMigrator, [Kysely<unknown>]>
    readonly provider?: Factory<MigrationProvider>
    readonly migrationTableName?: string
    readonly migrationTableSchema?: string
  }
}

/** A project with a kysely.config file. */
export interface Project {
  readonly configFile: string
  readonly config: KyselyConfig
  readonly migrationFolder: string
  /** Loads TypeScript, as kysely-ctl does. */
  readonly jiti: Jiti
}

const EXTENSIONS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs']
const NAMES = EXTENSIONS.flatMap((extension) => [`.config/kysely.config.${extension}`, `kysely.config.${extension}`])

/**
 * Loads the kysely.config file that kysely-ctl would load: the one that is
 * named, or the nearest one from the working directory upwards, with the
 * environment's overrides and its .env file.
 */
export async function loadProject(
  { config: named, environment }: { config: string | undefined; environment: string | undefined },
  cwd = process.cwd(),
): Promise<Project> {
  const file = named === undefined ? nearest(cwd) : resolve(cwd, named)
  if (file === undefined || !existsSync(file)) throw noConfig(named, cwd)
  const folder = dirname(file)
  const jiti = createJiti(import.meta.url, { fsCache: true, jsx: true, tryNative: false, tsconfigPaths: cwd })
  const { config } = await loaded(file, 'no_config', () =>
    loadConfig<KyselyConfig>({
      cwd: folder,
      configFile: basename(file),
      dotenv: {
        cwd: folder.replace(/[\\/]\.config$/, ''),
        fileName: environment === undefined ? '.env' : ['.env', `.env.${environment}`],
      },
      ...(environment !== undefined && { envName: environment }),
      jiti,
      globalRc: false,
      packageJson: false,
      rcFile: false,
    }),
  )
  const standard = basename(folder) === '.config' ? '../migrations' : 'migrations'
  return {
    configFile: file,
    config,
    migrationFolder: resolve(folder, config.migrations?.migrationFolder ?? standard),
    jiti,
  }
}

export async function made<T, Parameters extends readonly unknown[]>(
  factory: Factory<T, Parameters>,
  ...parameters: Parameters
): Promise<T> {
  return typeof factory === 'function'
    ? await (factory as (...parameters: Parameters) => T | Promise<T>)(...parameters)
    : factory
}

function nearest(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = NAMES.map((name) => join(folder, name)).find((file) => existsSync(file))
    if (found !== undefined || folder === dirname(folder)) return found
  }
}

const noConfig = (named: string | undefined, cwd: string) =>
  new UnshipError({
    code: 'no_config',
    message: named === undefined ? 'there is no kysely.config file' : `there is no file ${named}`,
    detail: named === undefined ? `Looked in ${cwd} and above, and in their .config folders.` : `Looked in ${cwd}.`,
    hint: 'Run it in the project, or name the file with --config; `npx kysely init` writes one.',
  })
