import type { Phase, ProgressEvent, RunOptions } from 'kysely-unship'
import type { TestDatabase } from '../support/database.ts'

/** When a run is broken: as a phase begins or has ended. */
export type Moment = readonly ['phase started' | 'phase done', Phase]

/** Options under which the run's own backend is ended by an administrator at that moment, once. */
export function killedAt(
  database: TestDatabase,
  [type, phase]: Moment,
): RunOptions & { readonly killed: Promise<void> } {
  let resolve: (killing: Promise<void>) => void = () => undefined
  const killed = new Promise<void>((settle) => {
    resolve = settle
  })
  let done = false
  return {
    killed,
    onProgress: (event: ProgressEvent) => {
      if (done || event.type !== type || event.phase !== phase) return
      done = true
      resolve(endBackends(database))
    },
  }
}

/** Ends the sessions that hold an advisory lock of ours, and waits until they are gone. */
export async function endBackends(database: TestDatabase): Promise<void> {
  const ended = await database.query<{ pid: number }>(`
    select l.pid, pg_terminate_backend(l.pid, 5000) from pg_locks l
    where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())`)
  if (ended.length === 0) throw new Error('no run was under way')
}
