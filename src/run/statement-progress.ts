import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import type { Phase } from '../plan/plan.ts'
import type { RunContext } from './context.ts'

interface Step {
  readonly step: string
  readonly unit: 'rows' | 'blocks'
  readonly done: number
  readonly total: number
}

/** How far the long statement of a server process is, as the server's progress views say. */
export async function readStep(db: AnyKysely, pid: number): Promise<Step | undefined> {
  const [step] = await readJson<Step>(db, progressQuery(pid))
  return step
}

export function tellStep(context: RunContext, phase: Phase, what: string, { step, unit, done, total }: Step): void {
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
