import { TOLD_APART, WHOLE, type Share, type Stretch } from '../../plan/data/backup.ts'
import type { RunContext } from '../context.ts'
import { withHelper, type Ask } from '../helper.ts'
import { pauseWhileAsked } from '../pause.ts'
import type { Progress } from '../progress.ts'
import { row } from '../query.ts'
import { withSettings, type Settings } from '../settings.ts'

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

/** A few rows of a block, whatever rows take: of those that go into a large index over text, four blocks took half a second. */
const FIRST_PART = 1 / 32
const MOST_BLOCKS = 2048
/** Fewer are done before a second connection would be had. */
const HELPED_FROM_BLOCKS = 128

/** A batch that takes twice as long as the one before is still one of `batchMs`: whoever meets it on a row waits no longer. */
const AIM = 0.5

/** By so much a batch is larger than the one before it at most, or smaller: one that was held up says little about the next. */
const MOST_TIMES = 4

/**
 * Works through stretches of a table in batches that are to take half of `batchMs` each: the next
 * one's size follows the time that the last one took. Each batch is its own transaction, and waits before it for as
 * long as the caller's checks say. Many blocks are shared with a second connection, where there is one to spare.
 *
 * @param work does one batch, and says how long the server worked at it, by its own clock, if that is known
 */
export async function inBatches(
  context: RunContext,
  { stretches, settings, anySession }: Batched,
  work: (ask: Ask, batch: Stretch) => Promise<number | null>,
  progress: Progress,
): Promise<void> {
  const aimMs = context.options.batchMs * AIM
  const left = stretches.flatMap(inTurns)
  const allBlocks = left.reduce((sum, { turn = WHOLE, ...piece }) => sum + blocksOf(piece) / turn.of, 0)
  const batches = () => {
    // by turn: a row takes longer in some than in others
    const sizes: number[] = []
    let leastBesides = Infinity
    return async (ask: Ask): Promise<boolean> => {
      const turn = left[0]?.turn ?? WHOLE
      const size = Math.min(
        sizes[turn.nth] ?? sizes[turn.nth - 1] ?? FIRST_PART * turn.of,
        left[0]?.most ?? MOST_BLOCKS,
      )
      const batch = take(left, size)
      if (!batch) return false
      const started = performance.now()
      let workedMs: number | null
      try {
        workedMs = await work(ask, batch)
      } catch (error) {
        left.unshift(batch)
        throw error
      }
      const ms = performance.now() - started
      const blocks = blocksOf(batch)
      // what was changed before a break, or by nobody, is passed over, too
      progress.advance((progress.totalRows * blocks) / (allBlocks * turn.of), { ms, turn })
      if (workedMs !== null) {
        // the network takes as long for a smaller batch
        leastBesides = Math.min(leastBesides, ms - workedMs)
        const next = nextSize(blocks, aimMs / (ms - leastBesides), aimMs / workedMs)
        // fewer blocks than could have been are no reason to take fewer
        sizes[turn.nth] = Math.min(MOST_BLOCKS, next < blocks ? next : Math.max(size, next))
      }
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

/**
 * By how often what was done could be done in the time for it, with the commit and whatever held it up. Below one block only
 * the work itself counts: a disk or a processor that is busy would have batches of single rows, which are no shorter for it.
 */
function nextSize(done: number, times: number, timesWorked: number): number {
  const bounded = (t: number) => Math.max(1 / MOST_TIMES, Math.min(MOST_TIMES, t))
  return done * Math.max(bounded(times), Math.min(1 / done, bounded(timesWorked)))
}

/** How many blocks it takes the rows of, but for the turn. */
const blocksOf = ({ from, to, part = WHOLE }: Stretch) => (to - from) / part.of

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

/** Takes so many blocks, or what is left of a piece. Of less than one, a half or a quarter and so on. */
function take(left: Piece[], blocks: number): Piece | null {
  const piece = left.shift()
  if (!piece) return null
  const to = Math.min(piece.to, piece.from + Math.max(1, Math.floor(blocks)))
  if (to < piece.to) left.unshift({ ...piece, from: to })
  let taken: Piece = { ...piece, to }
  while (blocksOf(taken) > blocks && divisible(taken)) {
    const { nth, of }: Share = taken.part ?? WHOLE
    left.unshift({ ...taken, part: { nth: nth + of, of: of * 2 } })
    taken = { ...taken, part: { nth, of: of * 2 } }
  }
  return taken
}

const divisible = ({ turn = WHOLE, part = WHOLE }: Piece) => turn.of * part.of < TOLD_APART
