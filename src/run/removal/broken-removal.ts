import { UnshipError, isUnshipError } from '../../errors.ts'
import { runById } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { isServerError, messageWithoutValues } from '../../server-error.ts'
import { isConnectionLost, SessionGone } from '../connection-lost.ts'
import { checkedOptions } from '../checked-options.ts'
import { RunContext } from '../context.ts'
import { takeBackRemoval } from './take-back-removal.ts'

/**
 * After an error in a removal: takes back what was done before the cut-over, where the
 * connection and the locks allow it, and says what is left. What is past its cut-over
 * stays as it is; where that cannot be told, nothing is claimed.
 *
 * @returns the error to throw.
 */
export async function afterFailure(context: RunContext, runId: string, error: unknown): Promise<unknown> {
  // in another session there are neither our settings nor our lock
  const elsewhere = isUnshipError(error) && error.code === 'server_not_supported'
  if (context.session.inTransaction || elsewhere || isConnectionLost(error)) return error
  let run: LedgerRun
  try {
    run = await runById(context.db, runId)
  } catch (unread) {
    // what neither the server says nor we do comes from the socket, which may end with any error
    const said = isServerError(unread) || isUnshipError(unread)
    return isConnectionLost(unread) || !said
      ? new SessionGone(error, unread)
      : unknownWhere(context, runId, error, unread)
  }
  if (run.phase === 'record') return pastCutOver(context, run, error)
  try {
    const calm = new RunContext(
      context.session,
      { name: context.feature },
      checkedOptions({
        lockTimeoutMs: context.options.lockTimeoutMs,
        lockAttempts: Math.min(20, context.options.lockAttempts),
      }),
    )
    await takeBackRemoval(calm, run, messageWithoutValues(error))
    return error
  } catch (cleanUpError) {
    return brokeOff(context, error, {
      what: 'broke off and could not be taken back yet',
      detail: `Taking it back failed too: ${messageWithoutValues(cleanUpError)}`,
      hint: 'The feature works on, untouched. Run the same command again to finish the removal, or abortRemoval to take it back',
    })
  }
}

const pastCutOver = (context: RunContext, { id }: LedgerRun, error: unknown) =>
  brokeOff(context, error, {
    what: 'broke off after its cut-over',
    detail: `The feature is gone, and its backups are kept; run ${id} is not closed in the ledger.`,
    hint: 'Run the same command again to finish it, or abortRemoval to bring the feature back',
  })

/** The ledger alone knows whether the cut-over was committed. */
const unknownWhere = (context: RunContext, runId: string, error: unknown, unread: unknown) =>
  brokeOff(context, error, {
    what: 'broke off, and the ledger cannot be read',
    detail: `Reading run ${runId} failed too: ${messageWithoutValues(unread)}\nWhether the feature is gone cannot be told: it is where the run is in phase "record", and its backups are kept then.`,
    hint: 'See to it that the ledger can be read; unship status tells then where the removal stands. Run the same command again to finish it, or abortRemoval to take it back',
  })

const brokeOff = (
  { feature }: RunContext,
  error: unknown,
  { what, detail, hint }: { readonly what: string; readonly detail: string; readonly hint: string },
) =>
  new UnshipError({
    code: isUnshipError(error) ? error.code : 'wrong_state',
    message: `the removal of feature ${feature} ${what}`,
    detail: `${messageWithoutValues(error)}\n${detail}`,
    hint: `${hint}; do not run migrate:down, which would undo the migration before it.`,
    cause: error,
  })
