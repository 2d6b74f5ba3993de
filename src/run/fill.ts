import { setTimeout as sleep } from 'node:timers/promises'
import { UnshipError } from '../errors.ts'
import { fillBatchStatement, fillNewRowsStatement, fillStatement, verifyFillStatement } from '../plan/backup.ts'
import { shown } from '../plan/model.ts'
import type { HostPlan } from '../plan/plan.ts'
import { FILLING } from '../plan/swap.ts'
import { literal, qualified } from '../sql.ts'
import type { RunContext } from './context.ts'
import { Progress } from './progress.ts'
import { row, run } from './query.ts'

/** Blocks of the backup in the first batch; later ones follow the time that the last one took. */
const FIRST_BATCH_BLOCKS = 4
const MOST_BATCH_BLOCKS = 2048

/**
 * Fills the hidden columns of one host table in batches of `batchMs`. Rows that
 * someone has locked are left for the next pass; a writer who meets a batch on the
 * same row waits for that batch. Triggers of the table do not fire for it.
 */
export async function fillHost(context: RunContext, host: HostPlan): Promise<void> {
  await asFiller(context, async () => {
    if (context.session.inTransaction) await run(context.db, fillStatement(host))
    else await fillInBatches(context, host)
    const newRows = fillNewRowsStatement(host)
    if (newRows !== null) await run(context.db, newRows)
  })
}

/**
 * Under the caller's search_path, so that expressions of its indexes and checks find
 * what they call, after pg_catalog; and known to the stand-in triggers.
 */
export async function asFiller(context: RunContext, work: () => Promise<void>): Promise<void> {
  const { db, session } = context
  const local = String(session.inTransaction)
  const path = session.callersPath === '' ? '' : `pg_catalog, ${session.callersPath}`
  await run(
    db,
    `select pg_catalog.set_config('search_path', ${literal(path)}, ${local}), pg_catalog.set_config('${FILLING}', 'on', ${local})`,
  )
  let failed = true
  try {
    await work()
    failed = false
  } finally {
    const off = run(
      db,
      `select pg_catalog.set_config('search_path', '', ${local}), pg_catalog.set_config('${FILLING}', '', ${local})`,
    )
    await off.catch((error: unknown) => {
      // the first error says more
      if (!failed) throw error
    })
  }
}

async function fillInBatches(context: RunContext, host: HostPlan): Promise<void> {
  const { db, options } = context
  const { blocks, total } = await row<{ blocks: number; total: string }>(
    db,
    `select (pg_catalog.pg_relation_size(${literal(qualified(host.backup))}::pg_catalog.regclass)
      / pg_catalog.current_setting('block_size')::int)::int as blocks,
      (select pg_catalog.count(*) from ${qualified(host.backup)})::text as total`,
  )
  const progress = new Progress(context, 'fill', shown(host.table), Number(total))
  for (let pass = 1; ; pass++) {
    let size = FIRST_BATCH_BLOCKS
    for (let from = 0; from < blocks;) {
      context.checkCancelled()
      const started = performance.now()
      const { rows } = await row<{ rows: number }>(db, fillBatchStatement(host, from, from + size))
      progress.advance(rows)
      from += size
      const took = Math.max(1, performance.now() - started)
      size = Math.min(MOST_BATCH_BLOCKS, Math.max(1, Math.round(size * Math.min(4, options.batchMs / took))))
    }
    const { wrong } = await row<{ wrong: string }>(db, verifyFillStatement(host))
    if (Number(wrong) === 0) return
    if (pass >= options.lockAttempts)
      throw new UnshipError({
        code: 'locked',
        message: `${wrong} rows of ${shown(host.table)} could not be filled because other sessions keep them locked`,
        detail: `${String(pass)} passes were made.`,
        hint: 'End the sessions that hold those rows, then run the same command again; it goes on where it was.',
      })
    await sleep(Math.min(1000, 50 * pass))
  }
}
