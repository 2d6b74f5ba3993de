import type { Run } from '../support/kysely-ctl.ts'
import type { Command } from './lab.ts'

/** Kysely's own statements before it has its lock, and kysely-ctl's after all is done: there is nothing to say. */
const WITHOUT_LOCK =
  /^select pg_catalog.pg_backend_pid|^select "a"\."attname"|create table if not exists|_migration_lock"|pg_try_advisory_lock\('3853/
/** The last of ours, which gives the settings back, Kysely's own record, and the release of its lock: nothing of ours is lost. */
const RECORD = /^select pg_catalog\.set_config\('search_path', (?!'')|"kysely_migration"|3853314791062309107/

/** The first statement of ours in a session; of a restore's the second, after guardMigrations has looked. */
const BEGINS = "select pg_catalog.current_setting('statement_timeout') as timeout"

/** Whether a removal or restore had begun, by all that was sent. */
export const hasBegun = (command: Command, statements: readonly string[]): boolean =>
  statements.filter((sql) => sql.includes(BEGINS)).length >= (command === 'up' ? 1 : 2)

/** What a process that survives the end of its connection must say, where it does not. */
export function wrongWords(
  command: Command,
  { statement, begun }: { statement: string; begun: boolean },
  { code, output }: Run,
): string[] {
  if (WITHOUT_LOCK.test(statement) || output.includes('Migration complete')) return []
  const ours = command === 'up' ? [/lost in the removal/, /abortRemoval/] : [/lost in the restore/]
  const wanted = [
    ...(RECORD.test(statement) || !begun ? [] : ours),
    /HINT: {2}Run the same command again/,
    /(do|Do) not run migrate:down/,
  ]
  const text = output.replaceAll(/\s+/g, ' ')
  return [
    ...(code === 1 ? [] : [`exit code ${String(code)}`]),
    ...wanted.flatMap((words) =>
      words.test(output) ? [] : [`the output lacks ${String(words)}: ${text.slice(0, 900)}`],
    ),
  ]
}
