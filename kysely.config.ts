import { fileURLToPath } from 'node:url'
import { TSFileMigrationProvider, defineConfig } from 'kysely-ctl'
import { MigrationDialect, connectionPool, guardMigrations } from 'kysely-unship'

const migrationFolder = fileURLToPath(new URL('migrations', import.meta.url))

export default defineConfig({
  dialect: new MigrationDialect({ pool: () => connectionPool() }),
  migrations: {
    // after a broken up, migrate:down would undo the migration before it
    provider: guardMigrations(new TSFileMigrationProvider({ migrationFolder })),
    // each phase of a removal commits on its own, so that none holds locks for another
    disableTransactions: true,
  },
})
