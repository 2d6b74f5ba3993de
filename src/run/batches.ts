import type { AnyKysely } from '../any-kysely.ts'
import type { RunContext } from './context.ts'
import { withHelper } from './helper.ts'
import { pauseWhileAsked } from './pause.ts'
import { withSettings, type Settings } from './settings.ts'

/** A range of blocks: from this one up to, not with, that one. */
export interface Range {
  readonly from: number
  readonly to: number
}

const FIRST_BLOCKS = 4
const MOST_BLOCKS = 2048
/** Fewer are done before a second connection would be had. */
const HELPED_FROM_BLOCKS = 128

/**
 * Works through ranges of blocks in batches that take about `batchMs` each: the next
 * one's size follows the time that the last one took. Each batch is its own transaction, and waits before it for as
 * long as the caller's checks say. Many blocks are shared with a second connection, where there is one to spare.
 */
export async function inBatches(
  context: RunContext,
  ranges: readonly Range[],
  settings: Settings,
  work: (db: AnyKysely, batch: Range) => Promise<void>,
): Promise<void> {
  const left = [...ranges]
  let pause = Promise.resolve()
  const batches = async (on: RunContext) => {
    for (let size = FIRST_BLOCKS; left.length > 0;) {
      if (on === context) pause = pauseWhileAsked(context)
      await pause
      context.checkCancelled()
      const batch = take(left, size)
      if (!batch) break
      const started = performance.now()
      await work(on.db, batch)
      const took = Math.max(1, performance.now() - started)
      // a range shorter than the size says nothing about it
      if (batch.to - batch.from === size)
        size = Math.min(MOST_BLOCKS, Math.max(1, Math.round(size * Math.min(4, context.options.batchMs / took))))
    }
  }
  const worker = async (on: RunContext) => {
    try {
      await withSettings(on.db, settings, false, () => batches(on))
    } catch (error) {
      // nobody takes another one
      left.length = 0
      throw error
    }
  }
  const blocks = left.reduce((sum, { from, to }) => sum + to - from, 0)
  await (blocks < HELPED_FROM_BLOCKS ? worker(context) : withHelper(context, worker))
}

/** Takes so many blocks, or what is left of a range. */
function take(left: Range[], blocks: number): Range | null {
  const [range] = left
  if (!range) return null
  const to = Math.min(range.to, range.from + blocks)
  if (to < range.to) left[0] = { from: to, to: range.to }
  else left.shift()
  return { from: range.from, to }
}
