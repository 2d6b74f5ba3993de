import type { Phase, ProgressEvent, RunOptions } from 'kysely-unship'
import { queryAtOnce } from '../support/at-once.ts'
import type { TestDatabase } from '../support/database.ts'

/** When a run is broken: as a phase begins or has ended. */
export type Moment = readonly ['phase started' | 'phase done', Phase]

/** Options under which the run's own backend is ended by an administrator at that moment, before its next statement. */
export function killedAt(database: TestDatabase, [type, phase]: Moment): RunOptions {
  let done = false
  return {
    onProgress: (event: ProgressEvent) => {
      if (done || event.type !== type || event.phase !== phase) return
      done = true
      demandSome(queryAtOnce(database.url, END_BACKENDS))
    },
  }
}

/** Ends the sessions that hold an advisory lock of ours, and waits until they are gone. */
export const endBackends = async (database: TestDatabase): Promise<void> => {
  demandSome(await database.query(END_BACKENDS))
}

const END_BACKENDS = `
  select l.pid, pg_terminate_backend(l.pid, 5000) from pg_locks l
  where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())`

function demandSome(ended: readonly unknown[]): void {
  if (ended.length === 0) throw new Error('no run was under way')
}

/** The caller fails when a phase is done. */
export const failAfter = (phase: Phase): { readonly onProgress: (event: ProgressEvent) => void } => ({
  onProgress: (event) => {
    if (event.type === 'phase done' && event.phase === phase) throw new Error('of the caller')
  },
})
