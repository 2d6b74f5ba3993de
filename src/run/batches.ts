import type { RunContext } from './context.ts'
import { withHelper, type Ask } from './helper.ts'
import { pauseWhileAsked } from './pause.ts'
import { row } from './query.ts'
import { withSettings, type Settings } from './settings.ts'

/** A range of blocks: from this one up to, not with, that one. */
export interface Range {
  readonly from: number
  readonly to: number
}

interface Batched {
  readonly ranges: readonly Range[]
  /** For the batches alone. */
  readonly settings: Settings
  /** Any session of the role does as well as the run's own. */
  readonly anySession: boolean
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
  { ranges, settings, anySession }: Batched,
  work: (ask: Ask, batch: Range) => Promise<void>,
): Promise<void> {
  const left = ranges.filter(({ from, to }) => to > from)
  const batches = () => {
    let size = FIRST_BLOCKS
    return async (ask: Ask): Promise<boolean> => {
      const batch = take(left, size)
      if (!batch) return false
      const started = performance.now()
      try {
        await work(ask, batch)
      } catch (error) {
        left.unshift(batch)
        throw error
      }
      const took = Math.max(1, performance.now() - started)
      // a range shorter than the size says nothing about it
      if (batch.to - batch.from === size)
        size = Math.min(MOST_BLOCKS, Math.max(1, Math.round(size * Math.min(4, context.options.batchMs / took))))
      return left.length > 0
    }
  }
  const nextOwn = batches()
  const own = () =>
    withSettings(context.db, settings, false, async () => {
      while (left.length > 0) {
        await pauseWhileAsked(context)
        context.checkCancelled()
        await nextOwn((sql) => row(context.db, sql))
      }
    })
  const blocks = left.reduce((sum, { from, to }) => sum + to - from, 0)
  if (anySession && blocks >= HELPED_FROM_BLOCKS) await withHelper(context, { settings }, own, batches())
  else await own()
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
