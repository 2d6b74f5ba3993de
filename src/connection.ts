import pg from 'pg'
import { connectionSettings } from './connection/settings.ts'
import { refuseTransactionPooling } from './connection/pooler.ts'
import { isUnshipError } from './errors.ts'
import { serverUnreachable, type Target } from './connection/unreachable.ts'

const APPLICATION_NAME = 'kysely-unship'
const CONNECT_TIMEOUT_S = 10

/**
 * A pool of connections to the database that the environment names, for the
 * `PostgresDialect` of a `kysely.config.ts`. It falls back to nothing: without
 * `DATABASE_URL` (or `PGHOST` and `PGDATABASE`) it throws. Everything else has
 * PostgreSQL's own variables and defaults.
 *
 * One connection is made at once, so that a server that cannot be reached shows
 * before anything else is tried; `PGCONNECT_TIMEOUT` seconds (10 if not set) are
 * waited for it. A connection that dies later makes its query fail, and not the
 * process. Sessions show as application `kysely-unship`, or `PGAPPNAME`.
 *
 * Takes no locks and runs no SQL.
 *
 * @throws {UnshipError} `no_connection_settings`, or `server_unreachable` with
 * host, port, database and user, and never with a password.
 *
 * @example
 * export default defineConfig({
 *   dialect: new PostgresDialect({ pool: () => connectionPool() }),
 *   migrations: { migrationFolder: 'migrations', disableTransactions: true },
 * })
 */
export async function connectionPool(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<pg.Pool> {
  const timeoutMs = 1000 * (Number(environment.PGCONNECT_TIMEOUT) || CONNECT_TIMEOUT_S)
  const config: pg.PoolConfig = {
    ...connectionSettings(environment),
    ...(environment.PGAPPNAME && { application_name: environment.PGAPPNAME }),
    fallback_application_name: APPLICATION_NAME,
    connectionTimeoutMillis: timeoutMs,
  }
  const pool = new pg.Pool(config)
  surviveDeadConnections(pool)
  try {
    await refuseTransactionPooling(pool)
    return pool
  } catch (error) {
    const target = targetOf(config)
    await pool.end()
    throw isUnshipError(error) ? error : serverUnreachable(error, target, timeoutMs)
  }
}

/**
 * Without these handlers a connection that dies ends the process with an
 * unhandled 'error' event. The query that it was running fails all the same,
 * and says so.
 */
export function surviveDeadConnections(pool: pg.Pool): void {
  const leaveToTheQuery = () => undefined
  pool.on('error', leaveToTheQuery)
  pool.on('connect', (client) => client.on('error', leaveToTheQuery))
}

/** What pg makes of the settings and its defaults. */
function targetOf(config: pg.PoolConfig): Target {
  const { host, port, database, user } = new pg.Client(config)
  return { host, port, database, user }
}
