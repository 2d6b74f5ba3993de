import { literal } from '../sql.ts'
import type { RunContext } from './context.ts'
import type { Session } from './session.ts'
import { withSettings, type Settings } from './settings.ts'

/**
 * Works as the caller's session is set up for what expressions of the application's may depend on, as `at::date` in a check or
 * the query of a materialized view. Nothing that we capture, compare or replay may be printed meanwhile.
 */
export const asCaller = ({ db, session }: RunContext, work: () => Promise<void>): Promise<void> =>
  withSettings(db, session.callers, session.inTransaction, work)

/** Statements that evaluate expressions of the application's for rows. */
const EVALUATES =
  /^(create|refresh) materialized view |^create (unique )?index |^alter table [^]* (generated always as \(|exclude )/i

/** A statement of a short transaction, as the caller's session would run it where it evaluates expressions. */
export function evaluatedAsCaller({ callers, settings }: Session, sql: string): string[] {
  if (!EVALUATES.test(sql)) return [sql]
  // it is filled with what its owner may see
  const refresh = sql.startsWith('refresh ') ? { row_security: 'on' } : {}
  const ours = { ...callers, ...refresh }
  return [`select ${setAll(ours, ours)}`, sql, `select ${setAll(ours, settings)}`]
}

/** Gives settings of these names their values until the transaction ends, as the list of a SELECT. */
export const setAll = (names: Settings, values: Settings): string =>
  Object.keys(names)
    .map((name) => `pg_catalog.set_config(${literal(name)}, ${literal(values[name] ?? '')}, true)`)
    .join(', ')
