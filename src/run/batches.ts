import type { RunContext } from './context.ts'
import { pauseWhileAsked } from './pause.ts'

/** A range of blocks: from this one up to, not with, that one. */
export interface Range {
  readonly from: number
  readonly to: number
}

const FIRST_BLOCKS = 4
const MOST_BLOCKS = 2048

/**
 * Works through ranges of blocks in batches that take about `batchMs` each: the next
 * one's size follows the time that the last one took. Each batch is its own transaction, and waits before it for as
 * long as the caller's checks say.
 */
export async function inBatches(
  context: RunContext,
  ranges: readonly Range[],
  work: (batch: Range) => Promise<void>,
): Promise<void> {
  let size = FIRST_BLOCKS
  for (const { from: first, to: end } of ranges)
    for (let from = first; from < end;) {
      await pauseWhileAsked(context)
      context.checkCancelled()
      const to = Math.min(end, from + size)
      const started = performance.now()
      await work({ from, to })
      const took = Math.max(1, performance.now() - started)
      // a range shorter than the size says nothing about it
      if (to - from === size)
        size = Math.min(MOST_BLOCKS, Math.max(1, Math.round(size * Math.min(4, context.options.batchMs / took))))
      from = to
    }
}
