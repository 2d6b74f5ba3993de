import type { Stretch } from '../plan/backup.ts'
import type { RunContext } from './context.ts'
import { withHelper, type Ask } from './helper.ts'
import { pauseWhileAsked } from './pause.ts'
import type { Progress } from './progress.ts'
import { row } from './query.ts'
import { withSettings, type Settings } from './settings.ts'

interface Batched {
  readonly stretches: readonly Piece[]
  /** For the batches alone. */
  readonly settings: Settings
  /** Any session of the role does as well as the run's own. */
  readonly anySession: boolean
}

interface Piece extends Stretch {
  /** Not to be taken more blocks of at once. */
  readonly most?: number
}

/** Of rows that go into a large index over text, four blocks took half a second. */
const FIRST_BLOCKS = 1
const MOST_BLOCKS = 2048
/** Fewer are done before a second connection would be had. */
const HELPED_FROM_BLOCKS = 128

/** A batch that takes twice as long as the one before is still one of `batchMs`: whoever meets it on a row waits no longer. */
const AIM = 0.5

/**
 * Works through stretches of a table in batches that are to take half of `batchMs` each: the next
 * one's size follows the time that the last one took. Each batch is its own transaction, and waits before it for as
 * long as the caller's checks say. Many blocks are shared with a second connection, where there is one to spare.
 *
 * @param work does one batch
 */
export async function inBatches(
  context: RunContext,
  { stretches, settings, anySession }: Batched,
  work: (ask: Ask, batch: Stretch) => Promise<void>,
  progress: Progress,
): Promise<void> {
  const aimMs = context.options.batchMs * AIM
  const left = stretches.flatMap(inTurns)
  const allBlocks = left.reduce((sum, { from, to, turn }) => sum + (to - from) / (turn?.of ?? 1), 0)
  const batches = () => {
    // by turn: a row takes longer in some than in others
    const sizes: number[] = []
    return async (ask: Ask): Promise<boolean> => {
      const turn = left[0]?.turn ?? { nth: 0, of: 1 }
      const size = Math.min(sizes[turn.nth] ?? sizes[turn.nth - 1] ?? FIRST_BLOCKS, left[0]?.most ?? MOST_BLOCKS)
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
      const blocks = batch.to - batch.from
      // what was changed before a break, or by nobody, is passed over, too
      progress.advance((progress.totalRows * blocks) / (allBlocks * turn.of), { ms: took, turn })
      // fewer blocks than could have been are no reason to take more
      if (blocks === size || took > aimMs)
        sizes[turn.nth] = Math.min(MOST_BLOCKS, Math.max(1, Math.round(blocks * Math.min(4, aimMs / took))))
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
  if (anySession && allBlocks >= HELPED_FROM_BLOCKS) await withHelper(context, { settings }, own, batches())
  else await own()
}

const TURNS = 8
/** Each block of a backup belongs to a dozen of its table's, which are to stay in memory until all turns have been there. */
const MOST_IN_TURNS = 1024
/** The first turns are shorter, so that the time left can be told soon. */
const FIRST_IN_TURNS = 256
const IN_TURNS_FROM_BLOCKS = 128
/** Two connections are then seldom at two turns of the same rows at once, where one frees no space for the other yet. */
const BATCHES_OF_A_TURN = 4

/**
 * Rows that lie side by side are changed in turns, a while apart. A full page has no room for the new version of a row,
 * which goes to another page, and into every index. Where a turn has been before, the space of the row that it moved
 * away can be had by now: the new version stays in its page, and no index hears of it (a HOT update).
 */
function inTurns(stretch: Piece): Piece[] {
  const { from, to, turn } = stretch
  if (turn !== undefined || to - from < IN_TURNS_FROM_BLOCKS) return to > from ? [stretch] : []
  const pieces: Piece[] = []
  for (let at = from, size = FIRST_IN_TURNS; at < to; at += size, size = Math.min(MOST_IN_TURNS, size * 2)) {
    const end = Math.min(to, at + size)
    const most = Math.ceil((end - at) / BATCHES_OF_A_TURN)
    for (let nth = 0; nth < TURNS; nth++) pieces.push({ from: at, to: end, turn: { nth, of: TURNS }, most })
  }
  return pieces
}

/** Takes so many blocks, or what is left of a piece. */
function take(left: Piece[], blocks: number): Piece | null {
  const [piece] = left
  if (!piece) return null
  const to = Math.min(piece.to, piece.from + blocks)
  if (to < piece.to) left[0] = { ...piece, from: to }
  else left.shift()
  return { ...piece, to }
}
