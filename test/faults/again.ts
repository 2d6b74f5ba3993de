import { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { MigrationDialect, removeFeature, restoreFeature } from 'kysely-unship'
import * as migration from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool } from '../support/connect.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { COMMANDS, type Command } from './lab.ts'

/** One run in this many is a process; starting kysely-ctl takes as long as all the rest. */
const PROCESS_EVERY = 8

/** Runs a command to its end, by kysely-ctl or by the migrator that it would use; returns what went wrong. */
export async function runAgain(command: Command, url: string, at: number): Promise<string[]> {
  if (at % PROCESS_EVERY === 0) {
    const { code, output } = await kysely(COMMANDS[command], { DATABASE_URL: url })
    return code === 0 ? [] : [`exit code ${String(code)}: ${output}`]
  }
  const db = new Kysely<any>({ dialect: new MigrationDialect({ pool: createPool(url, 10) }) })
  try {
    const silent: Migration = {
      up: (on) => removeFeature(on, migration.programPartner).then(() => undefined),
      down: (on) => restoreFeature(on, migration.programPartner).then(() => undefined),
    }
    const provider = { getMigrations: () => Promise.resolve({ '1762603200000_remove_program_partner': silent }) }
    const migrator = new Migrator({ db, provider, disableTransactions: true })
    const { error } = command === 'up' ? await migrator.migrateToLatest() : await migrator.migrateDown()
    if (error === undefined) return []
    return [error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)]
  } finally {
    await db.destroy()
  }
}
