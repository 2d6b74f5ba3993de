import { setTimeout as sleep } from 'node:timers/promises'
import type { TestDatabase } from './database.ts'

/** How many server processes ran a statement like this one during a run; `act` is called once there were so many. */
export async function workers(
  database: TestDatabase,
  statement: string,
  running: Promise<unknown>,
  act?: { at: number; about: (pids: number[]) => Promise<void> },
): Promise<number> {
  const client = await database.connect('admin')
  const seen = new Set<number>()
  const over = new AbortController()
  void running
    .catch(() => undefined)
    .finally(() => {
      over.abort()
    })
  while (!over.signal.aborted) {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and query like $1 and pid <> pg_backend_pid()`,
      [statement],
    )
    rows.forEach(({ pid }) => seen.add(pid))
    if (act && seen.size >= act.at) {
      await act.about([...seen])
      act = undefined
    }
    await sleep(2)
  }
  return seen.size
}

/** Ends the server process of the run itself, which has its advisory lock, or another one of those given. */
export async function endWorker(database: TestDatabase, which: 'own' | 'other', pids: number[]): Promise<void> {
  const [own] = await database.query<{ pid: number }>(
    `select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
  )
  const pid = which === 'own' ? own?.pid : pids.find((p) => p !== own?.pid)
  await database.query(`select pg_terminate_backend(${String(pid)}, 1000)`)
}
