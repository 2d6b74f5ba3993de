/** A database of which nothing is known, so that any name will do. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- Kysely's own word for it: Kysely<any>
export type Untyped = any

/** A list of names, as declarations hold them. */
export type Names = readonly string[]

/** Only the string keys of T; an interface of tables has no others that matter. */
type StringKey<T> = Extract<keyof T, string>

/** Whether DB says nothing about its tables (`any` or `unknown`), so that any name must do. */
type IsUntyped<DB> = unknown extends DB ? true : false

/**
 * The ways to write the relation that DB calls `Key`, where `Schema` is the
 * declaration's default schema: with and without that schema, but never without
 * another one.
 */
type Spelling<Key extends string, Schema extends string> =
  | Key
  | (Key extends `${Schema}.${infer Name}` ? Name : never)
  | (Key extends `${string}.${string}` ? never : `${Schema}.${Key}`)

/**
 * A table or view of DB, as a declaration may write it.
 *
 * @example
 * RelationName<{ contacts: …; 'crm.members': … }, 'public'>
 * // 'contacts' | 'public.contacts' | 'crm.members'
 */
export type RelationName<DB, Schema extends string = 'public'> =
  IsUntyped<DB> extends true ? string : { [Key in StringKey<DB>]: Spelling<Key, Schema> }[StringKey<DB>]

/** The key of DB that a written name means: the reverse of {@link RelationName}. */
export type KeyOf<DB, Written, Schema extends string> = Written extends string
  ? `${Schema}.${Written}` extends keyof DB
    ? `${Schema}.${Written}`
    : Written extends keyof DB
      ? Written
      : Written extends `${Schema}.${infer Name extends StringKey<DB>}`
        ? Name
        : never
  : never

/** A column of the relation that `Written` means. */
export type ColumnName<DB, Written, Schema extends string> =
  IsUntyped<DB> extends true ? string : StringKey<DB[KeyOf<DB, Written, Schema> & keyof DB]>

/** Columns by host table, both checked. */
export type ColumnsPerTable<DB, Schema extends string> = {
  readonly [Written in RelationName<DB, Schema>]?: readonly ColumnName<DB, Written, Schema>[]
}

/** Names by host table: the table is checked, the names (of constraints, triggers, …) are not. */
export type NamesPerTable<DB, Schema extends string> = Readonly<Partial<Record<RelationName<DB, Schema>, Names>>>

/** SQL expressions by host table and column, both checked. */
export type ExpressionsPerTable<DB, Schema extends string> = {
  readonly [Written in RelationName<DB, Schema>]?: Readonly<Partial<Record<ColumnName<DB, Written, Schema>, string>>>
}
