import { isUnshipError, UnshipError } from '../errors.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { INSUFFICIENT_PRIVILEGE, sqlState } from './query.ts'

const UNDEFINED_TABLE = '42P01'
const UNDEFINED_COLUMN = '42703'

/** Says in our words what a ledger is about that may not be read or written, or that is not, or no longer, as we write it. */
export async function sayingWhatLedger<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const state = isUnshipError(error) ? undefined : sqlState(error)
    const detail = `${state ?? ''}: ${error instanceof Error ? error.message : String(error)}`
    if (state === INSUFFICIENT_PRIVILEGE)
      throw new UnshipError({
        code: 'missing_privilege',
        message: `the role may not read or change what schema ${LEDGER_SCHEMA} and the kept tables hold`,
        detail,
        hint: `Run it as the role that owns schema ${LEDGER_SCHEMA}: it has run the removals. Nothing was changed.`,
        cause: error,
      })
    if (state === UNDEFINED_TABLE || state === UNDEFINED_COLUMN)
      throw new UnshipError({
        code: 'wrong_state',
        message: `schema ${LEDGER_SCHEMA} does not hold a ledger as kysely-unship writes it`,
        detail,
        hint: 'Where a part of it was dropped, bring it back from a backup of the database; where it is not ours, rename it. Nothing was changed.',
        cause: error,
      })
    throw error
  }
}
