import type { Evidence } from '../../catalog/evidence.ts'
import type { Hazard } from './hazards.ts'
import type { Action, LockMode, Phase } from '../plan.ts'
import type { ReviewObject, ReviewUnit, UnitDependency } from './review-objects.ts'

/** How long others may have to wait for a statement. */
export type Held =
  /** It takes no lock that ordinary reads and writes wait for. */
  | 'online'
  /** In one of the short transactions, or a moment of its own. */
  | 'milliseconds'
  /** Under lock for as long as a table is large: the declaration acknowledged it. */
  | 'as long as it takes'

/** One statement of a plan, as a reviewer reads it. */
export interface ReviewStatement {
  /** Counts from 1. */
  readonly n: number
  readonly phase: Phase
  readonly action: Action
  readonly sql: string
  readonly reason: string
  readonly lock: LockMode | null
  readonly relations: readonly string[]
  readonly held: Held
  /** Only in a restore that broke off: it is not run again. */
  readonly done?: boolean
}

/** A phase: what it does, and who waits. */
export interface ReviewPhase {
  readonly phase: Phase
  readonly what: string
  readonly statements: number
  readonly lock: LockMode
  /** In the order in which they are locked. */
  readonly relations: readonly string[]
  readonly held: Held
  /** Where the phase is one transaction: what takes its locks, before all but the first statements. */
  readonly locks: readonly string[]
  /** So many of the locks, and of the statements, come before the other locks are asked for. */
  readonly ahead: { readonly locks: number; readonly statements: number }
}

/** A table that keeps what is removed. */
export interface BackupEstimate {
  readonly table: string
  readonly of: string
  /** Values are copied; a whole table is renamed. */
  readonly how: 'copied' | 'renamed'
  readonly rows: number
  readonly bytes: number
  /** Counted or measured, not extrapolated from a sample or the planner's statistics. */
  readonly exact: boolean
}

/** A plan, where it was made and when. */
export interface ReviewHead {
  /** Of this document. */
  readonly format: 1
  readonly feature: string
  readonly direction: 'removal' | 'restore'
  readonly database: string
  readonly serverVersion: string
  readonly role: string
  readonly packageVersion: string
  readonly plannedAt: string
  readonly fingerprint: string
}

/** Everything that a reviewer of a removal is told. */
export interface RemovalReview extends ReviewHead {
  readonly direction: 'removal'
  readonly counts: readonly { readonly label: string; readonly rows: number }[]
  /** In the order in which they go. */
  readonly objects: readonly ReviewObject[]
  readonly units: readonly ReviewUnit[]
  readonly dependencies: readonly UnitDependency[]
  readonly backups: readonly BackupEstimate[]
  readonly phases: readonly ReviewPhase[]
  readonly statements: readonly ReviewStatement[]
  readonly restore: readonly ReviewStatement[]
  readonly hazards: readonly Hazard[]
  readonly evidence: Evidence
  /** Rows and bytes that copying reads. */
  readonly reading: { readonly bytes: number; readonly rows: number }
}

/** The same of a restore: before the removal as planned, after it as the ledger has it. */
export interface RestoreReview extends ReviewHead {
  readonly direction: 'restore'
  readonly from: 'plan' | 'ledger'
  /** Where a restore that has begun goes on: the phases before it are done, and left out. */
  readonly goesOnIn: Phase | null
  /** The ledger's run that removed it. */
  readonly removal: { readonly run: string; readonly at: string | null } | null
  readonly backups: readonly BackupEstimate[]
  readonly phases: readonly ReviewPhase[]
  readonly statements: readonly ReviewStatement[]
}

export type PlanReview = RemovalReview | RestoreReview

/** There is nothing to plan. */
export interface NothingToRemove {
  readonly direction: 'none'
  readonly feature: string
  readonly database: string
  /** The run that removed it; null where it never was in this database. */
  readonly removal: { readonly run: string; readonly at: string | null; readonly fingerprint: string | null } | null
}
