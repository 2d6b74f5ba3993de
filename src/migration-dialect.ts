import { setTimeout as sleep } from 'node:timers/promises'
import {
  Kysely,
  PostgresAdapter,
  PostgresDialect,
  PostgresIntrospector,
  sql,
  type DatabaseIntrospector,
  type DatabaseMetadataOptions,
  type DialectAdapter,
  type MigrationLockOptions,
  type PostgresDialectConfig,
  type TableMetadata,
} from 'kysely'
import type { AnyKysely } from './any-kysely.ts'
import { UnshipError } from './errors.ts'
import { isConnectionLost } from './run/connection-lost.ts'
import { sqlState } from './run/query.ts'

/** The advisory lock that Kysely's migrators exclude each other with. */
export const MIGRATION_LOCK = '3853314791062309107'
const POLL_MS = 100

/**
 * PostgreSQL for migrations that build indexes concurrently while another migrator waits.
 *
 * Kysely's migrators wait for each other inside the server, and a waiter's snapshot holds
 * up CREATE INDEX CONCURRENTLY, which in turn holds up the waiter: PostgreSQL ends one of the two
 * with "deadlock detected". Here the waiter asks again every 100 ms and holds nothing meanwhile.
 * A migrator that lists the tables while another renames one looks again. And where the connection dies, the error says
 * what to run next.
 *
 * Locks nothing but Kysely's own advisory lock.
 *
 * @example
 * export default defineConfig({
 *   dialect: new MigrationDialect({ pool: () => connectionPool() }),
 *   migrations: { migrationFolder: 'migrations', disableTransactions: true },
 * })
 */
export class MigrationDialect extends PostgresDialect {
  readonly #pool: PostgresDialectConfig['pool']

  constructor(config: PostgresDialectConfig) {
    const { pool } = config
    let made: ReturnType<Extract<typeof pool, (...args: never[]) => unknown>> | undefined
    const once = typeof pool === 'function' ? () => (made ??= pool()) : pool
    super({ ...config, pool: once })
    this.#pool = once
  }

  override createAdapter(): DialectAdapter {
    return new PollingAdapter(this.#pool)
  }

  /** Lists tables as Kysely's own does, and looks again where one is renamed meanwhile. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the dialect declares it
  override createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new PatientIntrospector(db)
  }
}

/** What a table's disappearance between Kysely's reading of the catalog and of its sequences gives. */
const UNDEFINED_TABLE = '42P01'
const LOOKS = 20

/** Kysely lists all tables before it waits for its lock; one that another run renames meanwhile would end the pipeline. */
class PatientIntrospector extends PostgresIntrospector {
  override async getTables(options?: DatabaseMetadataOptions): Promise<TableMetadata[]> {
    for (let look = 1; ; look++)
      try {
        return await super.getTables(options)
      } catch (error) {
        if (sqlState(error) !== UNDEFINED_TABLE || look === LOOKS) throw error
        await sleep(POLL_MS)
      }
  }
}

/**
 * Where a second connection may be had, to watch over the first: Kysely keeps a migrator to one connection,
 * but this dialect knows the pool that it is from.
 */
export function besideOf(db: AnyKysely): AnyKysely {
  const { adapter } = db.getExecutor()
  return adapter instanceof PollingAdapter ? adapter.beside() : db
}

class PollingAdapter extends PostgresAdapter {
  readonly #pool: PostgresDialectConfig['pool']

  constructor(pool: PostgresDialectConfig['pool']) {
    super()
    this.#pool = pool
  }

  /** Shares the pool, which ends with the Kysely that it was made for. */
  beside(): AnyKysely {
    return new Kysely({ dialect: new PostgresDialect({ pool: this.#pool }) })
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the adapter declares it
  override async acquireMigrationLock(db: Kysely<any>): Promise<void> {
    for (;;) {
      const lock = sql.lit(MIGRATION_LOCK)
      const { rows } = await sql<{ taken: boolean }>`
        select pg_catalog.pg_try_advisory_lock(${lock}::bigint) as taken`.execute(db)
      if (rows[0]?.taken) return
      await sleep(POLL_MS)
    }
  }

  /** Kysely's last statement: where the connection has died, its error is the one that is shown. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the adapter declares it
  override async releaseMigrationLock(db: Kysely<any>, options: MigrationLockOptions): Promise<void> {
    try {
      await super.releaseMigrationLock(db, options)
    } catch (error) {
      throw isConnectionLost(error) ? lostWhileMigrating(error) : error
    }
  }
}

const lostWhileMigrating = (cause: unknown) =>
  new UnshipError({
    code: 'server_unreachable',
    message: 'the connection to the server was lost while migrations were run',
    detail: `${cause instanceof Error ? cause.message : String(cause)}\nWhat was committed stays. Kysely records a migration when it has ended, so it may have no record of the last one.`,
    hint: 'Run the same command again: migrate:latest finishes what was begun, and migrate:down too as long as migrate:list shows the migration as run. Do not run migrate:down after a broken migrate:latest, which would undo the migration before.',
    cause,
  })
