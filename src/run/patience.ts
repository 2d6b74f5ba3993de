import { setTimeout as sleep } from 'node:timers/promises'
import type { UnshipError } from '../errors.ts'
import type { RunContext } from './context.ts'
import { DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE, run, sqlState } from './query.ts'
import type { Blocker, ProgressEvent } from './report.ts'
import { retryPause } from './short.ts'

/** What is told of those who are in the way. */
export interface InTheWay {
  readonly phase: (ProgressEvent & { type: 'waiting' })['phase']
  readonly blockers: () => Promise<readonly Blocker[]>
  readonly refusal: (attempts: number, blockers: readonly Blocker[], cause: unknown) => UnshipError
}

/**
 * Does what can be done again and is no short transaction, each wait of it for a lock no longer than `lockTimeoutMs`: then all is let go,
 * and it is tried again after a growing pause, as a short transaction is. Who waits for us in turn would be ended by a deadlock else, and
 * nothing would say what we wait for. Inside a caller's transaction there is one attempt.
 */
export async function patiently<T>(context: RunContext, inTheWay: InTheWay, work: () => Promise<T>): Promise<T> {
  const { options, session } = context
  const attempts = session.inTransaction ? 1 : options.lockAttempts
  for (let attempt = 1; ; attempt++) {
    context.checkCancelled()
    try {
      return await withLockTimeout(context, work)
    } catch (error) {
      const state = sqlState(error)
      if (state !== LOCK_NOT_AVAILABLE && state !== DEADLOCK_DETECTED) throw error
      const blockers = await inTheWay.blockers()
      if (attempt >= attempts) throw inTheWay.refusal(attempt, blockers, error)
      const retryInMs = retryPause(attempt)
      context.emit({ type: 'waiting', phase: inTheWay.phase, attempt, attempts, retryInMs, blockers })
      await sleep(retryInMs)
    }
  }
}

async function withLockTimeout<T>({ db, options, session }: RunContext, work: () => Promise<T>): Promise<T> {
  const { inTransaction } = session
  const timeout = (ms: number) => run(db, `set ${inTransaction ? 'local ' : ''}lock_timeout = ${String(ms)}`)
  if (inTransaction) await run(db, 'savepoint unship_patience')
  let failed = true
  try {
    await timeout(options.lockTimeoutMs)
    const result = await work()
    failed = false
    return result
  } finally {
    if (failed && inTransaction) await run(db, 'rollback to savepoint unship_patience')
    // nothing to reset on a connection that died: the error in flight says so
    else
      await timeout(0).catch((error: unknown) => {
        if (!failed) throw error
      })
    if (inTransaction) await run(db, 'release savepoint unship_patience')
  }
}
