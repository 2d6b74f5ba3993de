import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyKysely } from '../any-kysely.ts'
import type { Phase } from '../plan/plan.ts'
import { alone } from './alone.ts'
import { readWaitedFor } from './blockers.ts'
import type { RunContext } from './context.ts'
import { QUERY_CANCELED, run, sqlState } from './query.ts'
import { readStep, tellStep } from './statement-progress.ts'

/** A statement that ends sooner needs nobody to watch it. */
const FROM_MS = 300
const EVERY_MS = 500

/** Thrown where a statement was cancelled because others, for whom it waits, wait for it. */
export class GaveWay extends Error {}

/** A long statement, as it is told of. */
export interface Observed {
  /** `inspect` for what only reads. */
  readonly phase: Phase | 'inspect'
  readonly what: string
  /** It is cancelled, rather than one of those who wait for it and for whom it waits, and {@link GaveWay} is thrown. */
  readonly givesWay?: boolean
  /** How long it is to take, where that can be guessed. */
  readonly expectedMs?: number | undefined
}

/**
 * Runs one long statement; tells how far it is, as the server's progress views say, or that it still runs, and whom it waits for; and cancels
 * it where the caller cancels the run. All of it over a second connection, where the Kysely given has one to spare. Where it has not, nothing
 * is told, and the statement goes on to its end.
 */
export async function observed<T>(
  context: RunContext,
  { phase, what, givesWay = false, expectedMs }: Observed,
  work: () => Promise<T>,
): Promise<T> {
  const { beside, inTransaction, pid } = context.session
  const { onProgress, signal: cancelled } = context.options
  if (!beside || inTransaction || !(onProgress ?? cancelled ?? givesWay)) return await work()
  context.checkCancelled()
  const began = performance.now()
  const done = new AbortController()
  const isOver = () => done.signal.aborted
  const besides = (pauseMs: number, act: (other: AnyKysely) => Promise<void>) => {
    // a pinned or single connection is had only when our session has ended: there is nothing to watch or to cancel then
    const acting = () => beside.connection().execute(async (other) => (isOver() ? undefined : await act(other)))
    repeatedly(acting, pauseMs, done.signal)
  }
  const cancels: Promise<void>[] = []
  const cancel = async (other: AnyKysely) => {
    const sent = run(other, `select pg_catalog.pg_cancel_backend(${String(pid)})`)
    cancels.push(sent)
    await sent
  }
  const whenCancelled = () => {
    besides(0, cancel)
  }
  const outcome = { gaveWay: false }
  let isTold = false
  const watch = async (other: AnyKysely) => {
    const { step, blockers, deadlocked } = await alone(other, context.session, async (db) => ({
      step: await readStep(db, pid),
      ...(await readWaitedFor(db, pid)),
    }))
    if (isOver()) return
    if (givesWay && deadlocked) {
      outcome.gaveWay = true
      await cancel(other)
      return
    }
    if (step && phase !== 'inspect') tellStep(context, phase, what, step)
    isTold ||= step !== undefined
    if (blockers.length > 0)
      context.emit({ type: 'waiting', phase, ...{ attempt: 1, attempts: 1, retryInMs: EVERY_MS }, blockers })
    else if (!isTold) {
      const elapsedMs = performance.now() - began
      const remainingMs = expectedMs !== undefined && expectedMs > elapsedMs ? expectedMs - elapsedMs : null
      context.emit({ type: 'running', phase, what, elapsedMs, remainingMs })
    }
  }
  if (onProgress || givesWay) besides(FROM_MS, watch)
  cancelled?.addEventListener('abort', whenCancelled)
  try {
    return await work()
  } catch (error) {
    if (sqlState(error) !== QUERY_CANCELED) throw error
    context.checkCancelled()
    throw outcome.gaveWay ? new GaveWay('others wait for it', { cause: error }) : error
  } finally {
    done.abort()
    cancelled?.removeEventListener('abort', whenCancelled)
    // one that is under way would hit the next statement; once it is answered, a server that waits for one has passed over it
    await Promise.allSettled(cancels)
  }
}

/** The same for a statement that only reads, in whatever phase it does. */
export const looking = <T>(context: RunContext, what: string, work: () => Promise<T>): Promise<T> =>
  observed(context, { phase: context.entered ?? 'inspect', what }, work)

/**
 * Acts after a pause, and every half second from then on, until it is told to stop. Whoever watches is in nobody's way: what becomes of the
 * statement is told by the statement, and an act that fails, as where its connection was ended, is followed by the next.
 */
function repeatedly(act: () => Promise<void>, pauseMs: number, stop: AbortSignal): void {
  const acting = async () => {
    for (let ms = pauseMs; ; ms = EVERY_MS) {
      await sleep(ms, undefined, { signal: stop })
      await act().catch(() => undefined)
    }
  }
  // by being stopped
  acting().catch(() => undefined)
}
