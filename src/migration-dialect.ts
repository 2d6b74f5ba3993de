import { setTimeout as sleep } from 'node:timers/promises'
import { PostgresAdapter, PostgresDialect, sql, type DialectAdapter, type Kysely } from 'kysely'

/** The advisory lock that Kysely's migrators exclude each other with. */
const MIGRATION_LOCK = '3853314791062309107'
const POLL_MS = 100

/**
 * PostgreSQL for migrations that build indexes concurrently while another migrator waits.
 *
 * Kysely's migrators wait for each other inside the server, and a waiter's snapshot holds
 * up CREATE INDEX CONCURRENTLY, which in turn holds up the waiter: PostgreSQL ends one of the two
 * with "deadlock detected". Here the waiter asks again every 100 ms and holds nothing meanwhile.
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
  override createAdapter(): DialectAdapter {
    return new PollingAdapter()
  }
}

class PollingAdapter extends PostgresAdapter {
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
}
