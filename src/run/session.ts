import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyKysely } from '../any-kysely.ts'
import { UnshipError } from '../errors.ts'
import { besideOf } from '../migration-dialect.ts'
import { literal } from '../sql.ts'
import { OTHER_SESSION } from '../sql-states.ts'
import { demandDriver } from './driver.ts'
import { QUERY_CANCELED, row, run, sqlState } from './query.ts'
import { changeSettings, readSettings, type Settings } from './settings.ts'
import { demandKysely, usedUp } from './usable.ts'

/** Session user and present role, which have their own rights and triggers. */
export const USERS = 'pg_catalog.json_build_array(session_user, current_user)::text'

/** One connection with our settings on it. */
export interface Session {
  readonly db: AnyKysely
  /** Inside the caller's transaction: everything happens in it, or not at all. */
  readonly inTransaction: boolean
  /** The server process; another one would have neither our settings nor our lock. */
  readonly pid: number
  readonly users: string
  /** All that it was set to. */
  readonly settings: Settings
  /** The caller's search_path, on which its own functions find what they call. */
  readonly callersPath: string
  /** The caller's settings that expressions of the application's may depend on. */
  readonly callers: Settings
  /** Where a second connection may be had; null in the caller's transaction. */
  readonly beside: AnyKysely | null
  /** The connection is in a transaction that Kysely does not know of. */
  readonly inUnknownTransaction: boolean
}

/** Set for the transaction that reads it next: kept only where that is not a transaction of its own. */
const ENTERED = 'unship.entered'

/**
 * What the texts that we capture and replay depend on, and what could end a
 * long phase. (On Linux a statement also ends soon after its client has died, so that
 * a killed run holds the migration lock no longer.) Only pg_catalog is searched, so that nobody's function or
 * operator stands in for a built-in one.
 */
const settings: Readonly<Record<string, string>> = {
  search_path: '',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  array_nulls: 'on',
  transform_null_equals: 'off',
  check_function_bodies: 'off',
  row_security: 'off',
  // errors that we catch, as those of what is only tried, would end the session
  exit_on_error: 'off',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  default_tablespace: '',
  // compiling the catalog queries takes longer than running them
  jit: 'off',
  // a planner that does not know yet how many pages filling has changed takes scans of two indexes side by side for cheap:
  // at 10 million contacts a foreign key was validated in 20 s so, and in 8 by a hash join
  enable_mergejoin: 'off',
  default_table_access_method: 'heap',
  default_toast_compression: 'pglz',
  'unship.report': '',
  'unship.set_aside': '',
}

/** Of these, what values of the application's own expressions depend on. Texts that are replayed mean the same under any of them. */
const OF_EXPRESSIONS = ['DateStyle', 'IntervalStyle', 'TimeZone', 'extra_float_digits', 'bytea_output']

/**
 * Memory that our statements may take, in kB, where the server would give them less: a hash that goes to disk takes twice
 * as long. Verification joins the backed-up rows with their table; the validation of a foreign key, which takes
 * maintenance_work_mem, joins two tables.
 */
const MEMORY_KB: Readonly<Record<string, number>> = { work_mem: 64 * 1024, maintenance_work_mem: 256 * 1024 }

/**
 * With a second process, a statement of ours keeps two processors busy, as two connections that fill do. With more of them
 * the application's clients waited three times as long on two processors, and we were no sooner done.
 */
const MOST_WORKERS: Readonly<Record<string, number>> = {
  max_parallel_workers_per_gather: 1,
  max_parallel_maintenance_workers: 1,
}

const setting = (name: string, value: string) =>
  `(select ${value} from pg_catalog.pg_settings s where s.name = ${literal(name)}) as ${name}`

/** As SQL: so much, or what the server gives where that is more memory, or fewer workers. */
const resources = [
  ...Object.entries(MEMORY_KB).map(([name, kB]) => setting(name, `greatest(s.setting::bigint, ${String(kB)}) || 'kB'`)),
  ...Object.entries(MOST_WORKERS).map(([name, n]) => setting(name, `least(s.setting::int, ${String(n)})::text`)),
].join(', ')

/** What an error tells to do: a savepoint undoes in the caller's transaction what the run had done there. */
export const TAKEN_BACK =
  'All is as it was before the call, and the transaction can go on. Mend what the error names, then make the same call again: it begins anew.'

/**
 * Pins one connection, sets it up, and puts the caller's settings back
 * afterwards, whatever happens.
 */
export async function withSession<T>(db: AnyKysely, work: (session: Session) => Promise<T>): Promise<T> {
  demandKysely(db)
  const plain = db.withoutPlugins()
  if (plain.isTransaction) {
    // SET LOCAL would outlive us in the caller's transaction; a savepoint undoes it on errors
    await run(plain, 'savepoint unship').catch((error: unknown) => {
      throw usedUp(error)
    })
    try {
      const result = await withOurs(plain, true, null, work)
      await run(plain, 'release savepoint unship')
      return result
    } catch (error) {
      await run(plain, 'rollback to savepoint unship')
      await run(plain, 'release savepoint unship')
      throw error
    }
  }
  const got = { connection: false }
  try {
    return await plain.connection().execute(async (connection) => {
      got.connection = true
      return await withOurs(connection, false, besideOf(plain), work)
    })
  } catch (error) {
    throw got.connection ? error : usedUp(error)
  }
}

async function withOurs<T>(
  db: AnyKysely,
  local: boolean,
  beside: AnyKysely | null,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  // from here on nobody's function or operator stands in for a built-in one
  const { timeout, path } = await liftTimeout(db, local)
  const { linux, major, pid, users, entered, ...given } = await row<
    { linux: boolean; major: number; pid: number; users: string; entered: string | null } & Settings
  >(
    db,
    `select pg_catalog.current_setting('${ENTERED}', true) as entered, pg_catalog.version() ~ 'linux' as linux, pg_catalog.current_setting('server_version_num')::int / 10000 as major,
       pg_catalog.pg_backend_pid() as pid, ${USERS} as users, ${resources}`,
  )
  const ours = {
    ...settings,
    ...given,
    // elsewhere the server may not be able to tell that its client has gone, and refuses the setting
    ...(linux && { client_connection_check_interval: '500ms' }),
    ...(major >= 17 && { transaction_timeout: '0' }),
  }
  const previous: Settings = {
    ...(await readSettings(db, Object.keys(ours))),
    statement_timeout: timeout,
    search_path: path,
  }
  await changeSettings(db, ours, local)
  let failed = true
  try {
    await demandDriver(db)
    const callers = Object.fromEntries(OF_EXPRESSIONS.map((name) => [name, previous[name] ?? '']))
    const session = {
      ...{ db, inTransaction: local, pid, users, settings: ours, callersPath: path, callers, beside },
      inUnknownTransaction: !local && entered === 'yes',
    }
    const result = await work(session)
    failed = false
    return result
  } finally {
    // in a transaction that failed, the savepoint's rollback restores them; on a dead connection there is nothing to restore
    if (!(failed && local))
      await changeSettings(db, previous, local).catch((error: unknown) => {
        if (!failed) throw error
      })
  }
}

/**
 * Turns off a statement_timeout that a role or database may have set so low that even reading
 * the settings is cut short, and the search_path; returns what they were.
 */
async function liftTimeout(db: AnyKysely, local: boolean): Promise<{ timeout: string; path: string }> {
  for (let attempt = 1; ; attempt++)
    try {
      return await row<{ timeout: string; path: string }>(
        db,
        `select pg_catalog.current_setting('statement_timeout') as timeout, pg_catalog.current_setting('search_path') as path,
           pg_catalog.set_config('statement_timeout', '0', ${String(local)}), pg_catalog.set_config('search_path', '', ${String(local)}),
           pg_catalog.set_config('${ENTERED}', 'yes', true)`,
      )
    } catch (error) {
      // outside of a transaction it can be tried again
      if (sqlState(error) !== QUERY_CANCELED || local || attempt >= 20) throw usedUp(error)
    }
}

/** The key of the advisory lock that a run of a feature holds, as SQL. */
export const featureLockKey = (feature: string): string =>
  `pg_catalog.hashtextextended(${literal(`kysely-unship ${feature}`)}, 0)`

/**
 * Keeps other runs of the same feature out until this one ends. Polls instead of
 * waiting in the server, where the waiter's snapshot would hold up CREATE INDEX
 * CONCURRENTLY.
 */
export async function withFeatureLock<T>(
  { db, inTransaction }: Session,
  feature: string,
  patience: { attempts: number; signal: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const key = featureLockKey(feature)
  const take = inTransaction ? 'pg_try_advisory_xact_lock' : 'pg_try_advisory_lock'
  throwIfCancelled(patience.signal)
  for (let attempt = 1; ; attempt++) {
    const { taken } = await row<{ taken: boolean }>(db, `select pg_catalog.${take}(${key}) as taken`)
    if (taken) break
    if (attempt >= patience.attempts)
      throw new UnshipError({
        code: 'busy',
        message: `another session is removing or restoring feature ${feature}`,
        detail: `Its advisory lock was not released in ${String(attempt)} attempts.`,
        hint: 'Wait for it to end, then run the same command again.',
      })
    throwIfCancelled(patience.signal)
    await sleep(Math.min(1000, 50 * attempt))
  }
  try {
    return await work()
  } finally {
    // a connection that died has released it already
    if (!inTransaction) await run(db, `select pg_catalog.pg_advisory_unlock(${key})`).catch(() => undefined)
  }
}

/** A statement that fails in any other server process than the run's. */
export const demandSession = ({ pid }: Session): string =>
  `do $session$ begin
  if pg_catalog.pg_backend_pid() <> ${String(pid)} then
    raise exception 'process % is not %, in which the run began', pg_catalog.pg_backend_pid(), ${String(pid)} using errcode = '${OTHER_SESSION}';
  end if;
end $session$`

/** What a pooler does that hands out a session for one transaction only. */
export const sessionChanged = (cause: unknown) =>
  new UnshipError({
    code: 'server_not_supported',
    message: 'the connection does not stay with one session of the server',
    detail: `${cause instanceof Error ? cause.message : String(cause)}: a pooler gives each transaction another session, without the settings and the lock that a run needs.`,
    hint: 'Connect to the server itself, or to a pooler in session mode, and run the same command again.',
    cause,
  })

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return
  throw new UnshipError({
    code: 'cancelled',
    message: 'the run was cancelled',
    detail: `${signal.reason instanceof Error ? signal.reason.message : String(signal.reason)}.`.replace(/\.\.$/, '.'),
    hint: 'Run the same command again to finish it.',
    cause: signal.reason,
  })
}
