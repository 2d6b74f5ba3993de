import { defineConfig } from 'kysely-ctl'
import { MigrationDialect, connectionPool } from 'kysely-unship'

export default defineConfig({
  dialect: new MigrationDialect({ pool: () => connectionPool() }),
  migrations: {
    migrationFolder: 'migrations',
    disableTransactions: true,
  },
})
