import { defineConfig } from 'kysely-ctl'
import { MigrationDialect, connectionPool } from 'kysely-unship'

export default defineConfig({
  dialect: new MigrationDialect({ pool: () => connectionPool() }),
  migrations: {
    migrationFolder: 'migrations',
    // each phase of a removal commits on its own, so that none holds locks for another
    disableTransactions: true,
  },
})
