import { setTimeout as sleep } from 'node:timers/promises'
import { readJson } from '../catalog/read.ts'
import type { Phase } from '../plan/plan.ts'
import type { RunContext } from './context.ts'

/** A statement that ends sooner needs nobody to watch it. */
const FROM_MS = 300
const EVERY_MS = 500

interface Step {
  readonly step: string
  readonly unit: 'rows' | 'blocks'
  readonly done: number
  readonly total: number
}

/**
 * Runs one long statement and tells how far it is, as the server's progress views say: read over
 * a second connection, where the Kysely given has one to spare. Where it has not, nothing is told.
 */
export async function observed<T>(
  context: RunContext,
  { phase, what }: { phase: Phase; what: string },
  work: () => Promise<T>,
): Promise<T> {
  const { beside, inTransaction, pid } = context.session
  if (!beside || inTransaction || !context.options.onProgress) return await work()
  const done = new AbortController()
  const { signal } = done
  const isOver = () => signal.aborted
  const watching = (async () => {
    await sleep(FROM_MS, undefined, { signal })
    // a pinned or single connection is had only when our session has ended: there is nothing to watch then
    await beside.connection().execute(async (other) => {
      while (!isOver()) {
        const [step] = await readJson<Step>(other, progressQuery(pid))
        if (step && !isOver()) tell(context, phase, what, step)
        await sleep(EVERY_MS, undefined, { signal })
      }
    })
  })()
  // whoever watches is in nobody's way: what becomes of the statement is told by the statement
  watching.catch(() => undefined)
  try {
    return await work()
  } finally {
    done.abort()
  }
}

function tell(context: RunContext, phase: Phase, what: string, { step, unit, done, total }: Step): void {
  const key = `${what}: ${step}`
  const now = performance.now()
  if (context.watched?.key !== key) context.watched = { key, since: now, from: done }
  const { since, from } = context.watched
  const perSecond = now > since ? ((done - from) / (now - since)) * 1000 : 0
  context.emit({
    type: 'progress',
    phase,
    what: key,
    rows: done,
    totalRows: total,
    unit,
    rowsPerSecond: perSecond,
    remainingMs: perSecond > 0 ? (Math.max(0, total - done) / perSecond) * 1000 : null,
  })
}

/** The present step of an index build or ANALYZE; steps that only wait have no total. */
const progressQuery = (pid: number) => `
  select phase as step, case when tuples_total > 0 then 'rows' else 'blocks' end as unit,
    case when tuples_total > 0 then tuples_done else blocks_done end as done,
    case when tuples_total > 0 then tuples_total else blocks_total end as total
  from pg_catalog.pg_stat_progress_create_index
  where pid = ${String(pid)} and greatest(tuples_total, blocks_total) > 0
  union all
  select phase, 'blocks', sample_blks_scanned, sample_blks_total
  from pg_catalog.pg_stat_progress_analyze
  where pid = ${String(pid)} and sample_blks_total > 0`
