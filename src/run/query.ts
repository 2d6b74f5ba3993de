import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'

/** Runs one statement of ours. */
export async function run(db: AnyKysely, text: string): Promise<void> {
  await sql.raw(text).execute(db)
}

/** Runs statements of ours in one message, hence all or none. */
export const runTogether = (db: AnyKysely, texts: readonly string[]): Promise<void> => run(db, texts.join(';\n'))

/** Runs one statement of ours and returns its rows. */
export async function rows<T>(db: AnyKysely, text: string): Promise<T[]> {
  const result = await sql.raw<T>(text).execute(db)
  return result.rows
}

/** The one row that a statement of ours returns. */
export async function row<T>(db: AnyKysely, text: string): Promise<T> {
  const [first] = await rows<T>(db, text)
  if (first === undefined) throw new Error(`no row from: ${text}`)
  return first
}

/** By a timeout, or by somebody. */
export const QUERY_CANCELED = '57014'

/** `lock_timeout` has passed. */
export const LOCK_NOT_AVAILABLE = '55P03'

/** In READ COMMITTED: a row was moved to another partition by somebody who has committed since. */
export const SERIALIZATION_FAILURE = '40001'

export const INSUFFICIENT_PRIVILEGE = '42501'

export const DEADLOCK_DETECTED = '40P01'

export const DEPENDENT_OBJECTS_STILL_EXIST = '2BP01'

/** PostgreSQL's five-character code of an error, if it is one of the server's. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
