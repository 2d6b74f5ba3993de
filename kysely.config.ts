import { PostgresDialect } from 'kysely'
import { defineConfig } from 'kysely-ctl'
import { connectionPool } from 'kysely-unship'

export default defineConfig({
  dialect: new PostgresDialect({ pool: () => connectionPool() }),
  migrations: {
    migrationFolder: 'migrations',
    // each phase of a removal commits on its own, so that none holds locks for another
    disableTransactions: true,
  },
})
