import { UnshipError, isUnshipError } from '../errors.ts'
import { runById, type LedgerRun } from '../ledger/ledger.ts'
import { messageWithoutValues } from '../server-error.ts'
import { isConnectionLost } from './connection-lost.ts'
import { RunContext } from './context.ts'
import { takeBackRemoval } from './take-back-removal.ts'

/**
 * After an error in a removal: takes back what was done before the cut-over, where the
 * connection and the locks allow it, and says what is left. What is past its cut-over
 * stays as it is.
 *
 * @returns the error to throw.
 */
export async function afterFailure(context: RunContext, runId: string, error: unknown): Promise<unknown> {
  // in another session there are neither our settings nor our lock
  const elsewhere = isUnshipError(error) && error.code === 'server_not_supported'
  if (context.session.inTransaction || elsewhere || isConnectionLost(error)) return error
  try {
    const run = await runById(context.db, runId)
    if (run.phase === 'record') return pastCutOver(context, run, error)
    const calm = new RunContext(
      context.session,
      { name: context.feature },
      {
        lockTimeoutMs: context.options.lockTimeoutMs,
        lockAttempts: Math.min(20, context.options.lockAttempts),
      },
    )
    await takeBackRemoval(calm, run, messageWithoutValues(error))
    return error
  } catch (cleanUpError) {
    return new UnshipError({
      code: isUnshipError(error) ? error.code : 'wrong_state',
      message: `the removal of feature ${context.feature} broke off and could not be taken back yet`,
      detail: `${messageWithoutValues(error)}\nTaking it back failed too: ${messageWithoutValues(cleanUpError)}`,
      hint: 'The feature works on, untouched. Run the same command again to finish the removal, or abortRemoval to take it back; do not run migrate:down, which would undo the migration before it.',
      cause: error,
    })
  }
}

function pastCutOver(context: RunContext, { id }: LedgerRun, error: unknown): UnshipError {
  return new UnshipError({
    code: isUnshipError(error) ? error.code : 'wrong_state',
    message: `the removal of feature ${context.feature} broke off after its cut-over`,
    detail: `${messageWithoutValues(error)}\nThe feature is gone, and its backups are kept; run ${id} is not closed in the ledger.`,
    hint: 'Run the same command again to finish it, or abortRemoval to bring the feature back; do not run migrate:down, which would undo the migration before it.',
    cause: error,
  })
}
