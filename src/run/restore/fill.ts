import { setTimeout as sleep } from 'node:timers/promises'
import { UnshipError } from '../../errors.ts'
import { backedUp, blocksOf, type Stretch } from '../../plan/data/backup.ts'
import {
  countMissingStatement,
  fillBatchStatement,
  fillNewRowsBatchStatement,
  fillNewRowsStatement,
  fillStatement,
  fillUnlockedStatement,
  type Filled,
} from '../../plan/data/fill.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { FILLING } from '../../plan/objects/swap.ts'
import { inBatches } from './batches.ts'
import { describeBlocker, readBlockers } from '../blockers.ts'
import type { RunContext } from '../context.ts'
import { hostSizes } from '../removal/copy.ts'
import type { Ask } from '../helper.ts'
import { Progress } from '../progress.ts'
import { DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE, row, run, SERIALIZATION_FAILURE, sqlState } from '../query.ts'
import { withSettings, type Settings } from '../settings.ts'

/**
 * Fills the hidden columns of one host table in batches of `batchMs`. Rows that
 * someone has locked are left for the next pass; a writer who meets a batch on the
 * same row waits for that batch. Triggers of the table do not fire for it.
 */
export async function fillHost(context: RunContext, host: HostPlan): Promise<void> {
  await asFiller(context, async (settings) => {
    const newRows = fillNewRowsStatement(host)
    if (context.session.inTransaction) {
      await run(context.db, fillStatement(host))
      if (newRows !== null) await run(context.db, newRows)
      return
    }
    await fillInBatches(context, host, { ...settings, ...BATCHED, lock_timeout: ROW_LOCK_TIMEOUT })
    if (newRows !== null) await fillNewRows(context, host, { ...settings, ...BATCHED })
  })
}

/** Each batch waits for its own log to reach the disk: else clients that commit would wait for that of many. */
const BATCHED = { synchronous_commit: 'local' }

/** How long a batch waits for a row that somebody has locked, while it holds others. */
const ROW_LOCK_TIMEOUT = '10ms'

/** What was not found: a function, a table, anything else, a column, a schema. */
const NOT_FOUND = ['42883', '42P01', '42704', '42703', '3F000']

/**
 * Known to the stand-in triggers, with the caller's settings, and with nothing but pg_catalog to search, as all of ours is run. Expressions of
 * indexes and checks that do not find what they call then are given the caller's search_path, after pg_catalog.
 * The work must be one that can be done again.
 */
export async function asFiller(context: RunContext, work: (settings: Settings) => Promise<void>): Promise<void> {
  const { db, session } = context
  try {
    if (session.inTransaction) await run(db, 'savepoint unship_fill')
    await filling(context, '', work)
    if (session.inTransaction) await run(db, 'release savepoint unship_fill')
  } catch (error) {
    if (session.callersPath === '' || !NOT_FOUND.includes(sqlState(error) ?? '')) throw error
    if (session.inTransaction) await run(db, 'rollback to savepoint unship_fill')
    await filling(context, `pg_catalog, ${session.callersPath}`, work)
  }
}

function filling(
  { db, session }: RunContext,
  path: string,
  work: (settings: Settings) => Promise<void>,
): Promise<void> {
  const settings = { ...session.callers, search_path: path, [FILLING]: 'on' }
  return withSettings(db, settings, session.inTransaction, () => work(settings))
}

/** Somebody has locked rows, has moved one to another partition meanwhile, or waits for us in turn. */
const IN_THE_WAY = [LOCK_NOT_AVAILABLE, SERIALIZATION_FAILURE, DEADLOCK_DETECTED]

/** Nothing, where somebody is in the way of the work for longer than it could wait. */
async function unlessInTheWay<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (IN_THE_WAY.includes(sqlState(error) ?? '')) return null
    throw error
  }
}

/**
 * One batch: as if nobody had locked a row of it, and otherwise what is not locked. Whether rows are left, and how long others
 * may have waited for it, with what it has waited for them: but for a wait in vain, after which it holds nothing.
 */
async function fillBatch(ask: Ask, host: HostPlan, batch: Stretch): Promise<{ left: boolean; ms: number | null }> {
  const all = await unlessInTheWay(ask<Filled>(fillBatchStatement(host, batch)))
  if (all) return { left: false, ms: all.ms }
  const some = await unlessInTheWay(ask<Filled & { pending: number }>(fillUnlockedStatement(host, batch)))
  return some ? { left: some.filled < some.pending, ms: some.ms } : { left: true, ms: null }
}

/** Three rows of four leave the indexes alone. */
const ROWS_TO_TOUCH_A_BLOCK = 4

async function fillInBatches(context: RunContext, host: HostPlan, settings: Settings): Promise<void> {
  const { db } = context
  const { blocks, total } = await row<{ blocks: number; total: string }>(
    db,
    `select ${blocksOf(host.backup)} as blocks, (select pg_catalog.count(*) from ${backedUp(host)})::text as total`,
  )
  const indexBlocks = (await hostSizes(db, host)).reduce((sum, size) => sum + size.indexBlocks, 0)
  const progress = new Progress(context, 'fill', shown(host.table), Number(total), ROWS_TO_TOUCH_A_BLOCK * indexBlocks)
  let stretches: readonly Stretch[] = [{ from: 0, to: blocks }]
  for (let pass = 1; ; pass++) {
    const again: Stretch[] = []
    await inBatches(
      context,
      { stretches, settings, anySession: true },
      async (ask, batch) => {
        const { left, ms } = await fillBatch(ask, host, batch)
        if (left) again.push(batch)
        return ms
      },
      progress,
    )
    if (again.length === 0) return
    stretches = again
    await awaitRows(context, host, pass)
  }
}

/**
 * Rows that came in meanwhile, by the table's blocks. An update may carry such a row over to blocks that were done, hence
 * one more look in a single snapshot.
 */
async function fillNewRows(context: RunContext, host: HostPlan, settings: Settings): Promise<void> {
  const { db } = context
  const missing = async () => Number((await row<{ rows: string }>(db, countMissingStatement(host))).rows)
  let left = await missing()
  const progress = new Progress(context, 'fill', `new rows of ${shown(host.table)}`, left)
  for (let pass = 1; left > 0; pass++) {
    let done = 0
    for (const { table, blocks } of await hostSizes(db, host))
      // what the values are made of may be the caller's session's own
      await inBatches(
        context,
        { stretches: [{ from: 0, to: blocks }], settings, anySession: false },
        async (ask, batch) => {
          const found = await unlessInTheWay(ask<Filled>(fillNewRowsBatchStatement(host, table, batch)))
          done += found?.filled ?? 0
          return found?.ms ?? null
        },
        progress,
      )
    const before = left
    left = await missing()
    // a default that gives NULL leaves them as they are
    if (done >= before && left >= before) return
    if (left > 0) await awaitRows(context, host, pass, left)
  }
}

/** Clients hold rows for moments: who does is told of when a second pass has found rows locked. */
const TOLD_FROM_PASS = 2

/**
 * Waits before the next pass over the rows that somebody has locked. Which session holds a row is not known, but who may: those that lock
 * rows of the table, the oldest first.
 */
async function awaitRows(context: RunContext, host: HostPlan, pass: number, left?: number): Promise<void> {
  const { db, options } = context
  const attempts = options.lockAttempts
  const retryInMs = Math.min(1000, 50 * pass)
  const blockers =
    pass >= Math.min(attempts, TOLD_FROM_PASS)
      ? await readBlockers(db, [{ relation: host.table }], { ofRows: true })
      : []
  if (pass >= attempts)
    throw new UnshipError({
      code: 'locked',
      message: `rows of ${shown(host.table)} could not be filled because other sessions keep them locked`,
      detail: [
        `${String(pass)} passes were made.${left === undefined ? '' : ` Rows left: ${String(left)}.`}`,
        ...blockers.map((blocker) => `${describeBlocker(blocker)}.`),
      ].join('\n'),
      hint: 'End the sessions that hold those rows, then run the same command again; it goes on where it was.',
    })
  if (blockers.length > 0)
    context.emit({ type: 'waiting', phase: 'fill', attempt: pass, attempts, retryInMs, blockers })
  await sleep(retryInMs)
}
