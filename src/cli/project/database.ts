import { Kysely, PostgresDialect, type KyselyPlugin, type PostgresDialectConfig } from 'kysely'
import type { AnyKysely } from '../../any-kysely.ts'
import { notConnected } from '../../connection/unreachable.ts'
import { isUnshipError, UnshipError } from '../../errors.ts'
import { isConnectionLost } from '../../run/connection-lost.ts'
import { messageWithoutValues } from '../../server-error.ts'
import { made, type Project } from './config.ts'

/** Connects as the project's configuration says, for the time of some work. */
export async function withDatabase<T>(project: Project, work: (db: AnyKysely) => Promise<T>): Promise<T> {
  const db = await connect(project)
  try {
    return await work(db)
  } catch (error) {
    throw isUnshipError(error) ? error : (connectionError(error) ?? error)
  } finally {
    if (project.config.destroyOnExit !== false) await db.destroy()
  }
}

/** The plugins of the project's Kysely, which is made for them where there is one, for the time of some work, and not asked. */
export async function withPluginsOf<T>(
  { config }: Project,
  work: (plugins: readonly KyselyPlugin[]) => Promise<T>,
): Promise<T> {
  if (!config.kysely) return await work(config.plugins ? await made(config.plugins) : [])
  const db = await made(config.kysely)
  try {
    return await work(db.getExecutor().plugins)
  } finally {
    if (config.destroyOnExit !== false) await db.destroy()
  }
}

/** In words of our own, of a connection that was lost, or that a pool of the project's own did not get. */
function connectionError(error: unknown): UnshipError | null {
  if (!isConnectionLost(error)) return notConnected(error)
  return new UnshipError({
    code: 'server_unreachable',
    message: 'the connection to the server was lost',
    detail: messageWithoutValues(error),
    hint: 'Run the same command again when the server answers; unship status tells how things stand.',
    cause: error,
  })
}

async function connect({ config, configFile }: Project): Promise<AnyKysely> {
  if (config.kysely) return await made(config.kysely)
  const { dialect } = config
  if (dialect === undefined) throw unusable(configFile, 'It names neither a dialect nor a Kysely instance.')
  if (typeof dialect === 'string' && dialect !== 'pg')
    throw unusable(configFile, `It names the dialect "${dialect}", which is not PostgreSQL's "pg".`)
  const plugins = config.plugins && (await made(config.plugins))
  return new Kysely({
    dialect:
      typeof dialect === 'string'
        ? new PostgresDialect((await made(config.dialectConfig)) as PostgresDialectConfig)
        : await made(dialect),
    ...(plugins && { plugins }),
  })
}

const unusable = (configFile: string, detail: string) =>
  new UnshipError({
    code: 'no_config',
    message: `the configuration in ${configFile} cannot be used`,
    detail,
    hint: 'Give it a PostgreSQL dialect: new MigrationDialect({ pool: () => connectionPool() }).',
  })
