import type { AnyKysely } from '../any-kysely.ts'
import { alone, type Alone } from './alone.ts'
import type { RunContext } from './context.ts'
import { row } from './query.ts'
import { USERS } from './session.ts'

/** Runs one statement of ours and returns its row. */
export type Ask = <T>(sql: string) => Promise<T>

/**
 * Has a second connection do part of the work, where the Kysely given has one to spare, the server may use several
 * processors for maintenance, and the caller holds nothing back. It is taken for one step at a time, each statement of which
 * is a transaction with settings of its own: nothing is left on it, and it may be another one each time.
 *
 * Help that fails ends, and that is all: a step that failed must be left to `own`, which is told what is really wrong.
 *
 * @param own does all that is left, and may be called again
 * @param step does a part, and says whether there is more to do
 */
export async function withHelper(
  context: RunContext,
  help: Alone,
  own: () => Promise<void>,
  step: (ask: Ask) => Promise<boolean>,
): Promise<void> {
  const { users, settings: ours } = context.session
  const beside = await helperOf(context)
  if (!beside) {
    await own()
    return
  }
  let over = false
  const failures: unknown[] = []
  let atWork: Promise<unknown> = Promise.resolve()
  const helping = async () => {
    for (let more = true; more;)
      more = await beside.connection().execute(async (connection) => {
        // a pool that has none to spare gives one only when ours is back
        if (over) return false
        const taken = step((sql) =>
          askAlone(connection, { ...help, settings: { ...ours, ...help.settings } }, users, sql),
        )
        atWork = taken.catch((error: unknown) => failures.push(error))
        return await taken
      })
  }
  helping().catch(() => undefined)
  try {
    await own()
  } finally {
    over = true
    await atWork
  }
  // what was left undone after our own last step
  if (failures.length > 0) await own()
}

/** A piece of work that may be done on either connection, and be begun again if it fails. */
export type Task = (ask: Ask) => Promise<void>

/** Does tasks in their order, on the run's connection and, where they are worth it, on a second one beside it. */
export async function shareTasks(
  context: RunContext,
  help: Alone,
  tasks: readonly Task[],
  { worthIt }: { readonly worthIt: boolean },
): Promise<void> {
  const left = [...tasks]
  const step = async (ask: Ask): Promise<boolean> => {
    const task = left.shift()
    if (!task) return false
    try {
      await task(ask)
    } catch (error) {
      left.unshift(task)
      throw error
    }
    return left.length > 0
  }
  const own = async () => {
    while (left.length > 0) {
      context.checkCancelled()
      await step((sql) => row(context.db, sql))
    }
  }
  if (worthIt && tasks.length > 1) await withHelper(context, help, own, step)
  else await own()
}

/** What second connections are had from; null where none may be had. */
export async function helperOf({ session, options }: RunContext): Promise<AnyKysely | null> {
  const { db, beside, inTransaction } = session
  const { pauseWhile, maxReplicationLag } = options
  if (!beside || inTransaction || pauseWhile || maxReplicationLag) return null
  // where a DBA allows an index build no second process, there is none for this either
  const { may } = await row<{ may: boolean }>(
    db,
    `select pg_catalog.current_setting('max_parallel_maintenance_workers')::int > 0 as may`,
  )
  return may ? beside : null
}

const askAlone = <T>(connection: AnyKysely, help: Alone, users: string, sql: string): Promise<T> =>
  alone(connection, help, async (transaction) => {
    const found = await row<{ users: string }>(transaction, `select ${USERS} as users`)
    // the caller may have taken a role on the run's connection alone
    if (found.users !== users) throw new Error(`${found.users} is not ${users}`)
    return await row<T>(transaction, sql)
  })
