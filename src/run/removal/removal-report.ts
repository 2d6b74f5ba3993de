import type { RunContext } from '../context.ts'
import type { RemovalReport } from '../report.ts'

/** What every report of a removal has. */
export function reportOf(context: RunContext, runId: string | null, counts: Readonly<Record<string, number>>) {
  const { feature, durationMs, longestLockMs, phases, warnings } = context
  return {
    direction: 'removal',
    feature,
    runId,
    durationMs,
    longestLockMs,
    phases,
    counts,
    warnings,
    setAside: [],
  } as const
}

export function nothingDone(context: RunContext, outcome: 'already removed', runId: string | null): RemovalReport {
  return { ...reportOf(context, runId, {}), outcome, backups: [] }
}
