import { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { guardMigrations, MigrationDialect, removeFeature, restoreFeature } from 'kysely-unship'
import * as migration from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool } from '../support/connect.ts'
import { kysely, type Run } from '../support/kysely-ctl.ts'
import { COMMANDS, type Command } from './lab.ts'

/** One run in this many is a process; starting kysely-ctl takes as long as all the rest. */
const PROCESS_EVERY = 8

/** Runs a command to its end, by kysely-ctl or by the migrator that it would use; returns what went wrong. */
export async function runAgain(command: Command, url: string, at: number): Promise<string[]> {
  if (at % PROCESS_EVERY === 0) {
    const { code, output } = await kysely(COMMANDS[command], { DATABASE_URL: url })
    return code === 0 ? [] : [`exit code ${String(code)}: ${output}`]
  }
  const { code, output } = await runHere(command, url)
  return code === 0 ? [] : [output]
}

/** What kysely-ctl would do, without the second that it takes to start. */
export async function runHere(command: Command, url: string): Promise<Run> {
  const heard: string[] = []
  const db = new Kysely<any>({ dialect: new MigrationDialect({ pool: createPool(url, 10) }) })
  try {
    // Kysely's own error, where the connection dies, is that of its last statement
    const said = (error: unknown) => {
      if (error instanceof Error) heard.push(error.message)
      throw error
    }
    const silent: Migration = {
      up: (on) => removeFeature(on, migration.programPartner).then(() => undefined, said),
      down: (on) => restoreFeature(on, migration.programPartner).then(() => undefined, said),
    }
    const migrations = {
      '1762603200000_remove_program_partner': { ...silent, programPartner: migration.programPartner },
    }
    const provider = guardMigrations({ getMigrations: () => Promise.resolve(migrations) })
    const migrator = new Migrator({ db, provider, disableTransactions: true })
    const { error } = command === 'up' ? await migrator.migrateToLatest() : await migrator.migrateDown()
    if (error === undefined) return { code: 0, output: 'Migration complete' }
    heard.push(error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error))
    return { code: 1, output: heard.join('\n') }
  } finally {
    await db.destroy()
  }
}
