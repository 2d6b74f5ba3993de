import type { Address } from '../catalog/dependency.ts'
import type { Oid } from '../catalog/fragments.ts'
import type { QualifiedName } from '../sql.ts'
import type { Need } from './unchanged/needs.ts'
import type { NeededRead } from './unchanged/reads.ts'
import type { Probe } from './refusals/probes.ts'
import type { Rewrites } from './rewrites.ts'

export type RemovalPhase = 'watch' | 'copy' | 'verify' | 'cut over' | 'record'
export type RestorePhase = 'add' | 'fill' | 'build' | 'verify' | 'reveal' | 'validate' | 'record'
export type Phase = RemovalPhase | RestorePhase

export type LockMode =
  | 'ACCESS SHARE'
  | 'ROW SHARE'
  | 'ROW EXCLUSIVE'
  | 'SHARE UPDATE EXCLUSIVE'
  | 'SHARE'
  | 'SHARE ROW EXCLUSIVE'
  | 'ACCESS EXCLUSIVE'

/**
 * How the runner executes a statement: as it is; or, for these, in its own way
 * to the same effect as the SQL that is shown.
 */
export type Action =
  | 'run'
  /** CREATE INDEX CONCURRENTLY: skipped if there, rebuilt if invalid. */
  | 'index'
  /** For each partition that has come since: CREATE INDEX CONCURRENTLY, then attached. */
  | 'partition indexes'
  /** In batches. */
  | 'fill'
  /** CREATE MATERIALIZED VIEW: its query runs under the caller's search_path. */
  | 'materialized view'
  /** Rows whose parent is gone are set aside and it is tried again. */
  | 'validate foreign key'
  /** The same, in a short transaction: a partitioned table takes the keys of its partitions as parts of its own. */
  | 'attach foreign key'

/** One step of a plan. What is printed is what runs. */
export interface Statement<P extends Phase = Phase> {
  readonly phase: P
  readonly action: Action
  readonly sql: string
  /** Why it is in the plan. */
  readonly reason: string
  /** The strongest lock that it takes on `relations`. */
  readonly lock: LockMode | null
  readonly relations: readonly string[]
  /** The index that it builds, quoted; null for other actions. */
  readonly object: string | null
}

/** A column that leaves its host table. */
export interface PlannedColumn {
  readonly name: string
  readonly hidden: string
  readonly type: string
  /** SQL for what ADD COLUMN gives to every row: the constant default, or NULL. */
  readonly blank: string
  /** A default that is not the same for every row: every row is backed up, and new rows get it while filling. */
  readonly filler: string | null
  /** Values of the type may be compressed, or lie out of line. */
  readonly toasted?: boolean
  /** Of a domain: SQL for what ADD COLUMN says that every row is given, whatever the domain's default is by then. */
  readonly added?: string
  /** In ledgers of earlier versions: that is NULL. */
  readonly freeDomain?: boolean
}

/** A table that stays and loses columns. */
export interface HostPlan {
  readonly table: QualifiedName
  readonly backup: QualifiedName
  /** Of a partitioned table: its partitions at all levels when the removal was planned. */
  readonly members?: readonly QualifiedName[]
  /** The columns that identify a row. */
  readonly key: readonly string[]
  /** For each, the operator that compares it: the built-in `=` where there are none. */
  readonly equalities?: readonly string[]
  /** The key's values may change in ordinary life (neither GENERATED ALWAYS AS IDENTITY nor uuid). */
  readonly keyMayChange: boolean
  readonly columns: readonly PlannedColumn[]
  /**
   * Foreign keys over removed columns that may be NULL: a row of the host stays when the
   * parent goes that only a removed column refers to, so whatever the key says, the reference is left empty.
   */
  readonly foreignKeys: readonly MovedForeignKey[]
  /** Valid checks over removed and kept columns: none in ledgers that do not say. */
  readonly checks?: readonly HostCheck[]
  /** Valid foreign keys over removed columns that cannot be left empty, or over kept ones too: none in ledgers that do not say. */
  readonly demandedKeys?: readonly MovedForeignKey[]
  /** Every row is backed up, not only those that hold something. */
  readonly everyRow: boolean
  /** Policies decide who sees its rows, or those of a partition. */
  readonly rowSecurity?: boolean
  readonly watch: { readonly log: QualifiedName; readonly routine: QualifiedName; readonly trigger: string }
}

/** A foreign key of a table that stays, over columns that all stay: it goes because of what it refers to, or by itself. */
export interface KeptKey {
  readonly table: QualifiedName
  /** Its rows are those of its partitions. */
  readonly partitioned?: boolean
  readonly foreignKey: MovedForeignKey
}

/** A check that rows may have come to break, though neither their backup nor they did before. */
export interface HostCheck {
  readonly name: string
  readonly columns: readonly string[]
  readonly expression: string
}

/** What a publication took of a table of the feature before the removal. */
export interface PublishedTable {
  readonly table: QualifiedName
  readonly publication: string
  /** Its identifier: ledgers of earlier versions do not tell. */
  readonly oid?: Oid
  /** Its column list, or null; and what is left of it while the feature is away. */
  readonly columns: readonly string[] | null
  readonly reduced: readonly string[] | null
  readonly filter: string | null
}

/** A table that leaves as a whole. */
export interface MovedPlan {
  readonly table: QualifiedName
  readonly backup: QualifiedName
  /** Of a partitioned table: its rows are those of its partitions. */
  readonly partitioned?: boolean
  /** Of a partition: goes along with this table of the feature. */
  readonly partitionOf?: QualifiedName
  /** Backups of the tables that it is a partition of, or inherits from. */
  readonly under?: readonly QualifiedName[]
  readonly foreignKeys: readonly MovedForeignKey[]
  /** Its subscribers must see which rows are set aside: that is done when it is published again. */
  readonly published?: boolean
}

export interface MovedForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly referenced: QualifiedName
  readonly referencedColumns: readonly string[]
  /** It refers to a generated column of the feature, which is not there before the reveal. */
  readonly referencedGenerated?: boolean
  /** A unique index that it could hang on comes back with the feature, before it does; ledgers of earlier versions do not tell. */
  readonly indexReturns?: boolean
  /** The last column is a PERIOD: all of it must be covered by rows that are referred to. */
  readonly period?: boolean
  /** MATCH FULL: either all columns are NULL, or none. */
  readonly full?: boolean
  /** For each column, the operator that compares it with what it refers to. */
  readonly equalities?: readonly string[]
  /** ON DELETE SET NULL (…) or SET DEFAULT (…): the columns that are changed; none for all. */
  readonly setColumns?: readonly string[]
  /** ON DELETE: what becomes of rows whose parent went in the meantime. */
  readonly onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'
  readonly validated: boolean
}

/** What a removal takes, with its definition, for the ledger. */
export interface PlannedObject {
  readonly kind: string
  readonly identity: string
  readonly handling: 'moved' | 'recreated' | 'backed up' | 'goes along'
  /** Why it is in the plan. */
  readonly why: string
  /** What takes it away, and what brings it back; null for what goes along with something else. */
  readonly removalSql: string | null
  readonly restoreSql: string | null
}

/** A statement that takes a lock, and the relation that it locks. */
export interface PlannedLock {
  readonly sql: string
  readonly relation: QualifiedName
  /** Its partitions are locked too, one by one after it. */
  readonly tree?: boolean
  /** Of a tree: what this partition is a part of, itself and its own partitions, and no others. */
  readonly member?: QualifiedName
  /** Of a tree: ACCESS EXCLUSIVE unless told. */
  readonly mode?: string
  /** The owner, where it may not lock the table as it is: it grants itself what LOCK TABLE asks for, and takes it away. */
  readonly granting?: string
  /** Not told of by itself: part of a table, or of the feature. `object` is where it is no relation. */
  readonly part?: { readonly object: Pick<Address, 'catalog' | 'objid'> | null }
}

/** A unique index of a partitioned table that is built again: no partition may be partitioned by what it lacks. */
export interface ReturningKey {
  readonly table: QualifiedName
  readonly name: string
  readonly columns: readonly string[]
}

/** A name that must be free when the feature comes back. */
export interface Claim {
  readonly kind:
    'relation' | 'type' | 'function' | 'statistics' | 'column' | 'constraint' | 'trigger' | 'policy' | 'rule'
  readonly schema: string
  readonly name: string
  /** Argument types of a function; the column, constraint, trigger … of a table. */
  readonly part: string | null
}

export interface CountPlan {
  readonly label: string
  readonly sql: string
  /**
   * Of a host table's rows, those that hold something: several such counts are made in one pass. `backedUp` says that
   * they are all among the rows that are backed up.
   */
  readonly rows?: { readonly from: string; readonly where: string; readonly backedUp: boolean }
}

/** What a removal will do, and what its restore will do after it. */
export interface RemovalPlan {
  readonly feature: string
  readonly schema: string
  /** Nothing of the feature is in this database. */
  readonly absent: boolean
  readonly objects: readonly PlannedObject[]
  readonly hosts: readonly HostPlan[]
  readonly moved: readonly MovedPlan[]
  /** Valid ones: rows come meanwhile that nothing holds to them. */
  readonly keptKeys: readonly KeptKey[]
  /** Statements that take the locks of each short transaction, in the order that clients take them. */
  readonly locks: {
    readonly cutOver: readonly PlannedLock[]
    readonly add: readonly PlannedLock[]
    readonly reveal: readonly PlannedLock[]
    /** Once each partition has its part of a foreign key: for the key of the partitioned table. */
    readonly attach?: readonly PlannedLock[]
  }
  /** Tables of the feature that are published by name. */
  readonly publications: readonly PublishedTable[]
  /** Undoes the restore's phases before the reveal. */
  readonly takeBack: readonly string[]
  /** Names that the restore will need. */
  readonly claims: readonly Claim[]
  /** Unique indexes of partitioned tables that the restore builds again. */
  readonly returningKeys: readonly ReturningKey[]
  /** What stays, and has to be there for the restore. */
  readonly needs: readonly Need[]
  /** What its materialized views are filled from that stays. */
  readonly reads: readonly NeededRead[]
  readonly removal: readonly Statement<RemovalPhase>[]
  readonly restore: readonly Statement<RestorePhase>[]
  /** Texts that only the cut-over can know: index definitions under hidden names. */
  readonly captures: readonly CapturePlan[]
  readonly counts: readonly CountPlan[]
  /** What the server is asked before anything changes. */
  readonly probes: readonly Probe[]
  readonly rewrites: Rewrites
  readonly warnings: readonly string[]
  /** Changes when the database or the declaration do: SHA-256 of the statements. */
  readonly fingerprint: string
}

/** A restore statement whose text is read from the catalog during the cut-over. */
export interface CapturePlan {
  /** Position in `restore`. */
  readonly position: number
  /** An SQL expression that gives the statement. */
  readonly expression: string
  /** At which point of the cut-over it is read. */
  readonly at: 'columns hidden' | 'tables moved'
}
