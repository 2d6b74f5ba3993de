import { setTimeout as sleep } from 'node:timers/promises'
import type { Phase } from '../plan/plan.ts'
import { asCaller } from './as-caller.ts'
import type { RunContext } from './context.ts'
import { GaveWay, observed } from './observe.ts'
import { DEADLOCK_DETECTED, run, sqlState } from './query.ts'

const ATTEMPTS = 20

/**
 * Does what CREATE INDEX and DROP INDEX CONCURRENTLY are needed for. They hold a lock on the table while they wait for others'
 * transactions; where one of these waits for that lock, the statement gives way, and all is begun again, as it is where PostgreSQL has
 * ended the statement for it.
 *
 * @param work finds out each time what is left to do, and runs such statements by what it is given
 */
export async function concurrently<T>(
  context: RunContext,
  told: { readonly phase: Phase; readonly what: string },
  work: (runs: (sql: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const attempts = context.session.inTransaction ? 1 : ATTEMPTS
  for (let attempt = 1; ; attempt++) {
    const givesWay = attempt < attempts
    try {
      return await work((sql) =>
        asCaller(context, () => observed(context, { ...told, givesWay }, () => run(context.db, sql))),
      )
    } catch (error) {
      if (!givesWay || !(error instanceof GaveWay || sqlState(error) === DEADLOCK_DETECTED)) throw error
      await sleep(Math.min(5_000, 100 * 1.5 ** attempt))
      context.checkCancelled()
    }
  }
}
