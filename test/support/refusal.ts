import { expect } from 'vitest'
import { isUnshipError, type UnshipError, type UnshipErrorCode } from 'kysely-unship'
import type { TestDatabase } from './database.ts'
import { readState } from './life.ts'

/** The error that a call was refused with: this code, a primary line, DETAIL and HINT. */
export async function refusal(code: UnshipErrorCode, call: Promise<unknown>): Promise<UnshipError> {
  const error: unknown = await call.then(
    (result) => new Error(`it was not refused: ${JSON.stringify(result)}`),
    (reason: unknown) => reason,
  )
  if (!isUnshipError(error)) throw error
  expect(error.message).toMatch(/^\S[^\n]+\nDETAIL: {2}\S[^]*\nHINT: {2}\S/)
  expect({ code: error.code, message: error.message }).toEqual({ code, message: error.message })
  return error
}

/** The same, and the database is what it was before: all that is its own, and all that is ours. */
export async function refusedUnchanged(
  database: TestDatabase,
  code: UnshipErrorCode,
  call: () => Promise<unknown>,
): Promise<UnshipError> {
  const before = await readAll(database)
  const error = await refusal(code, call())
  expect(await readAll(database)).toEqual(before)
  return error
}

const readAll = async (database: TestDatabase) => ({
  state: await readState(database, { dump: false }),
  traces: await readTraces(database),
})

/** What of ours is in a database. */
export interface Traces {
  /** Backups, archives, rows set aside. */
  readonly tables: readonly string[]
  /** Watches, stand-ins and hidden names. */
  readonly onHosts: readonly string[]
  /** Tables and functions in our schema that are not the ledger. */
  readonly watches: readonly string[]
  /** Runs as `direction: state`; undefined where there is no ledger. */
  readonly runs: readonly string[] | undefined
}

export async function readTraces(database: TestDatabase): Promise<Traces> {
  const names = async (sql: string) => (await database.query<{ name: string }>(sql)).map(({ name }) => name)
  const hasLedger = (await names(`select 'yes' as name where to_regclass('unship.runs') is not null`)).length > 0
  return {
    tables: await names(`
      select c.oid::regclass::text as name from pg_class c
      where c.relkind = 'r' and c.relname ~ '^(backup|archive|set_aside)_' order by 1`),
    onHosts: await names(`
      select tgrelid::regclass || ' ' || tgname as name from pg_trigger where tgname ~ '^unship'
      union all
      select attrelid::regclass || '.' || attname from pg_attribute where attname ~ '^unship' and not attisdropped
        and attrelid not in (select oid from pg_class where relnamespace = to_regnamespace('unship'))
      order by 1`),
    watches: await names(`
      select 'table ' || relname as name from pg_class
      where relnamespace = to_regnamespace('unship') and relkind = 'r'
        and relname not in ('runs', 'objects', 'statements', 'events')
      union all
      select 'function ' || proname from pg_proc where pronamespace = to_regnamespace('unship') order by 1`),
    runs: hasLedger ? await names(`select direction || ': ' || state as name from unship.runs order by id`) : undefined,
  }
}

export const backupsAmong = ({ tables }: Traces) => tables.filter((name) => name.startsWith('backup_'))

/** What is ours in a database that never saw us. */
export const noTraces: Traces = { tables: [], onHosts: [], watches: [], runs: undefined }
