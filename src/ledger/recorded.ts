import type { FeatureDeclaration } from '../feature.ts'
import type { Description } from '../catalog/describe.ts'
import type { Oid } from '../catalog/fragments.ts'
import type { KeySequences } from '../plan/objects/key-sequences.ts'
import type { LateRows } from '../plan/data/late-rows.ts'
import type { Need } from '../plan/unchanged/needs.ts'
import type { NeededRead } from '../plan/unchanged/reads.ts'
import type {
  Claim,
  HostPlan,
  KeptKey,
  MovedPlan,
  Phase,
  PublishedTable,
  RemovalPlan,
  ReturningKey,
  Statement,
} from '../plan/plan.ts'
import type { MembershipSwap } from '../plan/objects/membership-swap.ts'
import type { Creator } from '../plan/refusals/rights.ts'
import type { Rewrites } from '../plan/rewrites.ts'
import type { Naming } from '../plan/unchanged/same-publications.ts'
import type { TriggerSwap } from '../plan/objects/swap.ts'
import type { KeptDefinitions } from './kept-definitions.ts'

export type RunState = 'running' | 'done' | 'absent' | 'aborted'

/** A host table as a removal found it. */
export interface Source {
  readonly table: string
  readonly oid: string
  /** Numbers of its key columns. */
  readonly key: readonly number[]
  /** The number of its last column, and what is created again that names its columns by their place; the first ledgers tell neither. */
  readonly last?: number
  readonly byPlace?: readonly string[]
  /** The columns that stayed, in their order; ledgers of earlier versions do not tell. */
  readonly columns?: readonly string[]
}

/** What a restore needs of the plan that the removal followed. */
export interface RecordedPlan {
  readonly schema: string
  readonly hosts: readonly HostPlan[]
  readonly moved: readonly MovedPlan[]
  /** None in ledgers that do not say. */
  readonly keptKeys?: readonly KeptKey[]
  readonly locks: RemovalPlan['locks']
  readonly takeBack: readonly string[]
  /** Tables that were published by name; none in ledgers that do not say. */
  readonly publications?: readonly PublishedTable[]
  readonly claims: readonly Claim[]
  /** None in ledgers that do not say. */
  readonly returningKeys?: readonly ReturningKey[]
  /** None in ledgers that do not say. */
  readonly needs?: readonly Need[]
  /** None in ledgers that do not say. */
  readonly reads?: readonly NeededRead[]
  /** Owners, other than the role that removed: none in ledgers that do not say. */
  readonly creators?: readonly Creator[]
  /** The roles that its statements name: none in ledgers that do not say. */
  readonly roles?: readonly { readonly name: string; readonly oid: Oid }[]
  /** Rows of each host table when it was copied: only in a removal's row. */
  readonly hostRows?: Readonly<Record<string, number>>
  /** Of the host tables: only where a removal has cut over, none in ledgers that do not say. */
  readonly keySequences?: KeySequences
  /** Which of the restore's short transactions take as long as they take. */
  readonly rewrites?: Rewrites
  /** What the declaration acknowledged, with names as the database has them; ledgers that do not say have the declaration's. */
  readonly acknowledge?: FeatureDeclaration['acknowledge']
  /** Definitions as they were, to compare with after the restore. */
  readonly described: Description
  /** The host tables, and the ledger's own oid in the removal's database: after a dump all oids are others. */
  readonly sources?: readonly Source[]
  readonly ledger?: string
  /** Triggers that step aside while a restore fills: only in a restore's row. */
  readonly swaps?: readonly TriggerSwap[]
  /** What gives late rows their values while a restore fills: only in a restore's row, none in ledgers that do not say. */
  readonly lateRows?: readonly LateRows[]
  /** What host tables publish while a restore fills them, and afterwards: only in a restore's row. */
  readonly memberships?: readonly MembershipSwap[]
  /** The publications that named host tables when the restore was planned: only in a restore's row. */
  readonly published?: readonly Naming[]
  /** abortRemoval began it, to take a broken removal back: only in a restore's row. */
  readonly takesBack?: boolean
}

/** One row of `unship.runs`. */
export interface LedgerRun {
  readonly id: string
  readonly format: number
  readonly feature: string
  readonly direction: 'removal' | 'restore'
  readonly phase: Phase
  readonly state: RunState
  readonly removal_id: string | null
  /** The guarded migration whose `up` began the removal, also of a restore; null where none is known. */
  readonly migration: string | null
  /** null where it found nothing, and where parts of it are missing. */
  readonly plan: RecordedPlan | null
  /** These parts are missing: the row was changed. */
  readonly plan_lacks: readonly string[]
  /** Of a removal, or of a run that found nothing. */
  readonly declaration: FeatureDeclaration | null
  readonly counts: Readonly<Record<string, number>>
  readonly checksums: Readonly<Record<string, string>>
  /** The backups that had a checksum when the removal had ended; null where its report does not tell. */
  readonly sealed_backups: readonly string[] | null
  /** Rows of each host table when it was copied. */
  readonly host_rows: Readonly<Record<string, number>> | null
  readonly finished_at: string | null
  readonly fingerprint: string | null
  /** The server that it ran on, as `server_version`. */
  readonly server_version: string
  /** What the backups looked like, and a checksum over its statements, when a removal had ended; null in older ledgers. */
  readonly shapes: Readonly<Record<string, readonly string[]>> | null
  /** What the types of their columns were called, by identifier and modifier. */
  readonly types: Readonly<Record<string, string>> | null
  readonly definitions: KeptDefinitions | null
  readonly sealed_statements: string | null
}

/** One row of `unship.statements`. */
export interface LedgerStatement {
  readonly position: number
  readonly phase: Statement['phase']
  readonly action: Statement['action']
  readonly sql: string
  readonly reason: string
  readonly lock: Statement['lock']
  readonly relations: readonly string[]
  readonly object: string | null
  readonly done: boolean
}

/** The major version of the server that a run was recorded on. */
export const majorOf = ({ server_version }: Pick<LedgerRun, 'server_version'>): number =>
  Number.parseInt(server_version, 10)
