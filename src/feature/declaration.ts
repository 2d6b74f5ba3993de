import type { ColumnsPerTable, ExpressionsPerTable, Names, NamesPerTable, RelationName, Untyped } from './names.ts'

/**
 * What belongs to a feature. Names may be qualified (`'crm.members'`); those that
 * are not mean `schema`. A name that itself holds a dot is written in quotes:
 * `'crm."we.ird"'`.
 *
 * Tables and columns are checked against DB as it is before the removal. What the
 * compiler cannot know (views, indexes, argument types, …) is checked against the
 * database before anything changes.
 *
 * What hangs on a declared object by its nature goes along unnamed: the indexes,
 * constraints, triggers, policies, grants and comments of a table, the indexes of
 * a column. Other objects that depend on the feature must be declared.
 */
export interface FeatureDeclaration<DB = Untyped, Schema extends string = string> {
  /** Names the feature in the ledger and its backups: `backup_<name>_<host table>`. */
  readonly name: string

  /** The schema of unqualified names; if not given, the one that the Kysely has (`db.withSchema`), or else `'public'`. */
  readonly schema?: Schema

  /** Tables that go as a whole. They are renamed to `backup_<table>`, not copied. */
  readonly tables?: readonly RelationName<DB, Schema>[]

  /** Columns that go from tables that stay, their host tables. */
  readonly columns?: ColumnsPerTable<DB, Schema>

  /** Views, materialized ones too, whether DB knows them or not. */
  readonly views?: Names

  /** Functions, procedures and aggregates: by signature (`'f(uuid, text)'`), or by name where it is not overloaded. */
  readonly functions?: Names

  readonly indexes?: Names
  readonly types?: Names
  readonly sequences?: Names
  readonly statistics?: Names
  readonly constraints?: NamesPerTable<DB, Schema>
  readonly triggers?: NamesPerTable<DB, Schema>
  readonly policies?: NamesPerTable<DB, Schema>
  readonly rules?: NamesPerTable<DB, Schema>

  /** What to count before the removal, under which label. */
  readonly counts?: Readonly<Record<string, Count<DB, Schema>>>

  /** Consequences that the author has seen and accepts. Without that they are refused. */
  readonly acknowledge?: Acknowledgement<DB, Schema>

  /**
   * SQL expressions for rows inserted while the feature was away, by host table
   * and column. Needed where a column is NOT NULL and has no default.
   *
   * @example
   * fill: { contacts: { partner_since: 'created_at' } }
   */
  readonly fill?: ExpressionsPerTable<DB, Schema>
}

/**
 * A table, to count its rows; or columns of one host table, to count the rows in
 * which any of them holds something. A boolean column holds something when true.
 *
 * @example
 * counts: {
 *   partners: { contacts: ['is_expected_program_partner'] },
 *   'audit entries': 'program_partner_audit_log',
 * }
 */
export type Count<DB, Schema extends string> = RelationName<DB, Schema> | ColumnsPerTable<DB, Schema>

export interface Acknowledgement<DB, Schema extends string> {
  /** Columns or constraints whose restore rewrites or scans their table under lock. */
  readonly rewrites?: NamesPerTable<DB, Schema>

  /** Triggers of host tables that stay although they mention removed columns. */
  readonly triggers?: NamesPerTable<DB, Schema>

  /** Event triggers on DDL that let the removal and the restore pass. */
  readonly eventTriggers?: Names

  /** Roles that have the names of others that there were, and get what those had: of a restore, where it asks. */
  readonly roles?: Names
}
