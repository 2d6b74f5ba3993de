import type { FeatureDeclaration } from './declaration.ts'
import type { ColumnName, RelationName } from './names.ts'
import type { Problem } from './problem.ts'

/**
 * TypeScript lets an inferred type hold more than was asked for, so that a misspelt
 * field or table beside a right one would pass. These types name such extras.
 */

/** Demands that there are none of these. Nothing where there are none: `{}` would let pass what is no object at all. */
type Extras<Names extends string, Message extends string> = [Names] extends [never]
  ? unknown
  : Readonly<Record<Names, Problem<Message>>>

/** The keys of each type of a union; none of none. */
type Keys<T> = T extends unknown ? keyof T & string : never

/** Fields of D that no declaration has. */
type UnknownFields<D> = Extras<Exclude<Keys<D>, keyof FeatureDeclaration>, 'not a field of a declaration'>

/** Keys of a map by table that are not tables of DB. (Where a key is computed, numbers are keys too.) */
type UnknownTables<PerTable, DB, Schema extends string> = Extras<
  Exclude<Keys<PerTable>, RelationName<DB, Schema>>,
  'not a table of the database'
>

/** Keys of a map by table and column that are not columns of their table. */
type UnknownColumns<PerTable, DB, Schema extends string> = {
  readonly [Written in keyof PerTable]: Extras<
    Exclude<Keys<NonNullable<PerTable[Written]>>, ColumnName<DB, Written, Schema>>,
    'not a column of the table'
  >
}

/** The fields of a declaration that map tables to names. */
type PerTableField = 'columns' | 'constraints' | 'triggers' | 'policies' | 'rules' | 'fill'

// Of `keyof Pick`, each field is optional where D has it so: a declaration may have a type that was written, not inferred.

type UnknownTablesByField<D, DB, Schema extends string> = {
  readonly [Field in keyof Pick<D, PerTableField & keyof D>]: UnknownTables<NonNullable<D[Field]>, DB, Schema>
}

type UnknownTablesInCounts<D, DB, Schema extends string> = {
  readonly [Field in keyof Pick<D, 'counts' & keyof D>]: UnknownTablesByLabel<NonNullable<D[Field]>, DB, Schema>
}

type UnknownTablesByLabel<Counts, DB, Schema extends string> = {
  readonly [Label in keyof Counts]: UnknownTables<Exclude<Counts[Label], string | undefined>, DB, Schema>
}

type UnknownAcknowledgements<D, DB, Schema extends string> = {
  readonly [Field in keyof Pick<D, 'acknowledge' & keyof D>]: UnknownConsequences<NonNullable<D[Field]>, DB, Schema>
}

type UnknownConsequences<Acknowledged, DB, Schema extends string> = {
  readonly [Field in keyof Acknowledged]: Field extends 'rewrites' | 'triggers'
    ? UnknownTables<NonNullable<Acknowledged[Field]>, DB, Schema>
    : Field extends 'eventTriggers' | 'roles'
      ? unknown
      : Problem<'not a field of an acknowledgement'>
}

type UnknownFilledColumns<D, DB, Schema extends string> = {
  readonly [Field in keyof Pick<D, 'fill' & keyof D>]: UnknownColumns<NonNullable<D[Field]>, DB, Schema>
}

/** Demands of a declaration that it holds nothing that a {@link FeatureDeclaration} does not. */
export type NothingElse<D, DB, Schema extends string> = UnknownFields<D> &
  UnknownTablesByField<D, DB, Schema> &
  UnknownTablesInCounts<D, DB, Schema> &
  UnknownAcknowledgements<D, DB, Schema> &
  UnknownFilledColumns<D, DB, Schema>
