import type { AnyKysely } from '../any-kysely.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { sayingWhatIsLost } from './connection-lost.ts'
import { RunContext } from './context.ts'
import type { RunOptions } from './options.ts'
import type { AbortReport, ProgressEvent, RemovalReport, RestoreReport } from './report.ts'
import { withFeatureLock, withSession } from './session.ts'

/** What removal, restore and abort have in common: one session, one run of a feature at a time, one report. */
export async function asRun<R extends RemovalReport | RestoreReport | AbortReport>(
  direction: R['direction'],
  db: AnyKysely,
  feature: FeatureDeclaration,
  options: RunOptions,
  work: (context: RunContext) => Promise<R>,
): Promise<R> {
  const emit = (event: ProgressEvent) => options.onProgress?.(event)
  const lost = { direction, feature: feature.name, inTransaction: db.isTransaction, emit }
  const report = await sayingWhatIsLost(lost, () =>
    withSession(db, async (session) => {
      const context = new RunContext(session, feature.name, options)
      const patience = { attempts: context.options.lockAttempts, signal: options.signal }
      return await withFeatureLock(session, feature.name, patience, () => work(context))
    }),
  )
  emit({ type: 'finished', report })
  return report
}
