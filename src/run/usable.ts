import type { AnyKysely } from '../any-kysely.ts'
import { UnshipError } from '../errors.ts'
import { sqlState } from './query.ts'

/** By shape, since two copies of Kysely may be loaded. */
export function demandKysely(db: unknown): void {
  const given = (typeof db === 'object' && db !== null ? db : {}) as Partial<AnyKysely>
  const usable = typeof given.withoutPlugins === 'function' && typeof given.connection === 'function'
  if (usable && typeof given.isTransaction === 'boolean') return
  throw new UnshipError({
    code: 'invalid_usage',
    message: 'the database that was given is no Kysely instance',
    detail: `It is ${kindOf(db)}.`,
    hint: 'Pass a Kysely on the PostgreSQL dialect, one of its connections or transactions, as a migration is given one; nothing has been done.',
  })
}

/** Its kind alone: what was passed may be a URL, with a password in it, or hold one. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return typeof value === 'object' ? `an object of class ${classOf(value)}` : `a ${typeof value}`
}

/** An object may have no prototype. */
const classOf = (value: object): string => (value as { constructor?: { name: string } }).constructor?.name ?? 'none'

const NO_ACTIVE_SQL_TRANSACTION = '25P01'
const IN_FAILED_SQL_TRANSACTION = '25P02'

/** An error of the first thing that is asked of a Kysely: it may have been used up. */
export function usedUp(error: unknown): unknown {
  const message = error instanceof Error ? error.message : ''
  if (/^driver has already been destroyed|^Cannot use a pool after calling end/.test(message))
    return unusable(
      'the Kysely instance that was given has been destroyed',
      error,
      'Destroy it, or end its pool, after the call has ended',
    )
  if (sqlState(error) === NO_ACTIVE_SQL_TRANSACTION || /^Transaction is already (committed|rolled back)/.test(message))
    return unusable(
      'the transaction that was given has ended',
      error,
      'Call it within the transaction, and have the transaction wait for it: a call without await goes on after it',
    )
  if (sqlState(error) === IN_FAILED_SQL_TRANSACTION)
    return unusable(
      'the transaction that was given has failed before',
      error,
      'An error in it was caught, and the server refuses all but its rollback: let that error end the transaction, or begin a savepoint before what may fail, and roll back to it. Then call it again',
    )
  return error
}

const unusable = (message: string, cause: unknown, what: string) =>
  new UnshipError({
    code: 'invalid_usage',
    message,
    detail: `${cause instanceof Error ? cause.message : String(cause)}.`,
    hint: `${what}. Nothing has been done.`,
    cause,
  })
