import type { ProgressEvent } from './report.ts'

/** How a removal or restore is run. All optional. */
export interface RunOptions {
  /** How long one attempt may wait for all its locks; 50 ms. The first four wait for less. Keep it below deadlock_timeout. */
  readonly lockTimeoutMs?: number
  /** How often a short transaction tries to get its locks; 300, with growing pauses of up to a second. */
  readonly lockAttempts?: number
  /** How long whoever meets a batch of filling on a row is to wait at most; 50 ms. A batch is made to take half of it. */
  readonly batchMs?: number
  /**
   * Batches of filling pause while a standby is further behind than this, in bytes of WAL or milliseconds,
   * as pg_stat_replication tells members of pg_read_all_stats.
   */
  readonly maxReplicationLag?: { readonly bytes?: number; readonly ms?: number }
  /** Asked before each batch of filling; as long as it says true, nothing is filled and nothing is held. */
  readonly pauseWhile?: () => boolean | Promise<boolean>
  /** Why, for the ledger; `UNSHIP_REASON` if not given, or empty. */
  readonly reason?: string
  /** Who, for the ledger: the person or pipeline; `UNSHIP_ACTOR`, or else `GITHUB_ACTOR`, if not given, or empty. */
  readonly actor?: string
  /**
   * Called as the run goes on; nothing is printed otherwise. What it throws ends the run; so does, with the next event, what a
   * promise that it returns is rejected with. Such promises are waited for at the end of the run alone.
   */
  readonly onProgress?: (event: ProgressEvent) => void
  /** Ends the run at the next safe point. */
  readonly signal?: AbortSignal
  /** Refuse to run unless the plan has this fingerprint; a restore, unless the removal that it undoes was planned with it. */
  readonly fingerprint?: string
}
