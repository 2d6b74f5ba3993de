import { duration, size } from '../../console/format.ts'
import type { RemovalReview } from '../../plan/review/review.ts'

/** What a modest disk reads in a second, and what a run takes besides. */
const BYTES_PER_SECOND = 50 * 1024 ** 2
const OVERHEAD_MS = 1_000

/** A guess of how long a removal takes: host tables are read once, in the pass that copies. */
const guessedMs = ({ reading }: Pick<RemovalReview, 'reading'>): number =>
  OVERHEAD_MS + (reading.bytes / BYTES_PER_SECOND) * 1000

export const readingTime = (review: Pick<RemovalReview, 'reading'>): string =>
  `The whole takes about ${duration(roundUp(guessedMs(review)))} (a guess: ${size(review.reading.bytes)} of host tables are read); nobody waits for that.`

/** `2 s`, not `1.0057 s`: it is a guess. */
const roundUp = (ms: number) => Math.ceil(ms / 1000) * 1000

export const guess = (review: Pick<RemovalReview, 'reading'>): string => duration(roundUp(guessedMs(review)))
