import { UnshipError } from '../errors.ts'
import { messageWithoutValues } from '../server-error.ts'
import { sqlState } from './query.ts'
import type { ProgressEvent } from './report.ts'

/** Shut down, crashed or not accepting connections; ended by a timeout; connection errors. */
const LOST_STATES = /^(57P0[1-5]|25P0[34]|08...)$/
/** What a socket ends with, in the codes of Node, the system and TLS. */
const LOST_SOCKETS =
  /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENETRESET|ENOTCONN|EPROTO|ERR_SSL_.*)$/
/** What pg says without a code. */
const LOST_MESSAGES = /connection terminated|connection ended|connection error and is not queryable/i

/** Whether an error means that the session is gone, and with it the outcome of its last statement. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof SessionGone) return true
  const code = sqlState(error)
  if (code !== undefined && (LOST_STATES.test(code) || LOST_SOCKETS.test(code))) return true
  return error instanceof Error && LOST_MESSAGES.test(error.message)
}

/** An error that did not say so, after which the session turned out to be gone. */
export class SessionGone extends Error {
  constructor(error: unknown, turnedOut: unknown) {
    super(`${messageWithoutValues(error)}\n${messageWithoutValues(turnedOut)}`, { cause: error })
  }
}

type Direction = 'removal' | 'restore' | 'abort'

const RUN_AGAIN: Readonly<Record<Direction, string>> = {
  removal:
    'Run the same command again: it finishes what was begun. To go back instead, call abortRemoval; do not run migrate:down, which would undo the migration before this one.',
  restore: 'Run the same command again: it goes on where it was.',
  abort: 'Run the same command again: it goes on where it was.',
}

/** What an error of a lost connection speaks of. */
interface Lost {
  readonly direction: Direction
  readonly feature: string
  readonly inTransaction: boolean
  readonly emit: (event: ProgressEvent) => void
}

/**
 * A session that dies leaves an error that says nothing of what to do, and Kysely, which
 * cannot release its migration lock then, replaces it by another: it is told of at once.
 */
export async function sayingWhatIsLost<T>(
  { direction, feature, inTransaction, emit }: Lost,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isConnectionLost(error)) throw error
    const lost = new UnshipError({
      code: 'server_unreachable',
      message: `the connection to the server was lost in the ${direction} of feature ${feature}`,
      detail: `${error instanceof Error ? error.message : String(error)}\n${
        inTransaction
          ? 'Its transaction is rolled back by the server: nothing was changed.'
          : 'What was committed stays, and the ledger knows how far the run came.'
      }`,
      hint: inTransaction ? 'Run the same command again.' : RUN_AGAIN[direction],
      cause: error,
    })
    emit({ type: 'connection lost', error: lost })
    throw lost
  }
}
