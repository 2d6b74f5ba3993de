import type { UnshipError } from '../errors.ts'
import type { Phase } from '../plan/plan.ts'

/** How long a phase took, and how long it kept others waiting. */
export interface PhaseReport {
  readonly phase: Phase
  readonly durationMs: number
  /** From the first lock to the end of the transaction, by the server's clock; null where no blocking lock is taken. */
  readonly lockHeldMs: number | null
  /** Attempts until the locks were had. */
  readonly attempts: number
}

/** A table that keeps what was removed. */
export interface BackupReport {
  /** `schema.name` */
  readonly table: string
  /** What it keeps: a host table's columns, or a whole table. */
  readonly of: string
  readonly rows: number
  readonly bytes: number
  readonly checksum: string
}

/** Rows kept apart because the restored schema has no place for them. */
export interface SetAside {
  /** The restored table that they would belong to. */
  readonly table: string
  readonly rows: number
  readonly reason: string
  /** The table that keeps them. */
  readonly kept: string
}

interface Report {
  readonly feature: string
  /** The ledger's run; null where nothing was recorded. */
  readonly runId: string | null
  readonly durationMs: number
  /** The longest that any lock which others wait for was held. */
  readonly longestLockMs: number
  readonly phases: readonly PhaseReport[]
  /** Preflight counts by label. */
  readonly counts: Readonly<Record<string, number>>
  readonly warnings: readonly string[]
  readonly setAside: readonly SetAside[]
}

export interface RemovalReport extends Report {
  readonly direction: 'removal'
  readonly outcome: 'removed' | 'already removed' | 'absent'
  readonly backups: readonly BackupReport[]
}

export interface RestoreReport extends Report {
  readonly direction: 'restore'
  readonly outcome: 'restored' | 'already restored' | 'absent'
  /**
   * Per host table: rows that got their values back; that came in meanwhile, less those that
   * went without a value; and those that went and had one.
   */
  readonly hosts: readonly {
    readonly table: string
    readonly restored: number
    readonly inserted: number
    readonly deleted: number
  }[]
  /** What became of each backup: moved back, or kept under an archive name. */
  readonly retired: readonly { readonly backup: string; readonly became: string }[]
}

export interface AbortReport extends Report {
  readonly direction: 'abort'
  /**
   * `taken back`: the removal was, the feature untouched; `restored`: the removal was past its cut-over;
   * `removed`: the restore was taken back, the feature is as removed as before.
   */
  readonly outcome: 'taken back' | 'restored' | 'removed'
  /** The phase in which the removal or restore had broken off. */
  readonly phase: Phase
}

/** A session that holds a lock we want. */
export interface Blocker {
  /** 0 for a prepared transaction. */
  readonly pid: number
  readonly user: string | null
  readonly application: string | null
  readonly state: string | null
  /** Age of its transaction. */
  readonly ageMs: number | null
  readonly query: string | null
  readonly relation: string | null
  /** The identifier of a prepared transaction. */
  readonly prepared: string | null
}

/** What a run tells while it goes on. */
export type ProgressEvent =
  | {
      readonly type: 'started'
      readonly feature: string
      readonly direction: 'removal' | 'restore' | 'abort'
      /** What is aborted. */
      readonly aborted?: 'removal' | 'restore'
      readonly resumed: Phase | null
    }
  /** Preflight counts, made while the rows are copied, before anything is taken away. */
  | { readonly type: 'preflight'; readonly counts: readonly { readonly label: string; readonly rows: number }[] }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'phase started'; readonly phase: Phase }
  | ({ readonly type: 'phase done' } & PhaseReport)
  /** At most a few times a second, in phases whose length depends on the data. */
  | {
      readonly type: 'progress'
      readonly phase: Phase
      /** The table or index being worked on. */
      readonly what: string
      readonly rows: number
      readonly totalRows: number
      /** What is counted, where it is not rows. */
      readonly unit?: 'rows' | 'blocks'
      readonly rowsPerSecond: number
      readonly remainingMs: number | null
    }
  /** At most twice a second, while one statement runs of which the server does not tell how far it is. */
  | {
      readonly type: 'running'
      /** `inspect`: before the first phase. */
      readonly phase: Phase | 'inspect'
      /** What the statement does. */
      readonly what: string
      readonly elapsedMs: number
      /** A guess, by what it took to look through the same rows before; null where nobody has. */
      readonly remainingMs: number | null
    }
  /** An attempt to get locks failed; or, with one attempt in all, a statement that holds nobody up waits for these. */
  | {
      readonly type: 'waiting'
      /** `inspect`: while definitions are read, before the first phase. */
      readonly phase: Phase | 'inspect'
      readonly attempt: number
      readonly attempts: number
      /** Until the next attempt, or until it is looked at again. */
      readonly retryInMs: number
      readonly blockers: readonly Blocker[]
    }
  /** Batches wait, holding nothing, for what `maxReplicationLag` or `pauseWhile` demand. */
  | { readonly type: 'paused'; readonly reason: string }
  /** Kysely may replace the error by its own: whoever shows a run shows this. */
  | { readonly type: 'connection lost'; readonly error: UnshipError }
  | { readonly type: 'finished'; readonly report: RemovalReport | RestoreReport | AbortReport }
