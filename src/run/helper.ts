import type { RunContext } from './context.ts'
import { row } from './query.ts'
import { withSession } from './session.ts'

/**
 * Has a second connection do part of the work, where the Kysely given has one to spare and the server may use several
 * processors for maintenance: both are given the same function, which takes from one store until that is empty. The second
 * comes as soon as it is had, and is not waited for.
 */
export async function withHelper(context: RunContext, work: (on: RunContext) => Promise<void>): Promise<void> {
  const { beside, inTransaction, db } = context.session
  if (!beside || inTransaction || !(await mayHelp(db))) {
    await work(context)
    return
  }
  let over = false
  let helping: Promise<void> | undefined
  beside
    .connection()
    .execute(async (connection) => {
      // a pool of one gives it only when ours is back
      if (over) return
      await withSession(connection, async (session) => {
        // the caller may have taken a role on the first connection alone
        if (session.users === context.session.users) await (helping = work(context.on(session)))
      })
    })
    // nobody depends on help; what goes wrong with the work itself is told below
    .catch(() => undefined)
  const [own] = await Promise.allSettled([work(context)])
  over = true
  const [helped] = await Promise.allSettled([helping])
  for (const result of [own, helped]) if (result.status === 'rejected') throw result.reason
}

/** Where a DBA allows an index build no second process, there is none for this either. */
async function mayHelp(db: RunContext['db']): Promise<boolean> {
  const { may } = await row<{ may: boolean }>(
    db,
    `select pg_catalog.current_setting('max_parallel_maintenance_workers')::int > 0 as may`,
  )
  return may
}
