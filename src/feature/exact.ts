import type { FeatureDeclaration } from './declaration.ts'
import type { ColumnName, RelationName } from './names.ts'
import type { Problem } from './problem.ts'

/**
 * TypeScript lets an inferred type hold more than was asked for, so that a misspelt
 * field or table beside a right one would pass. These types name such extras.
 */

/** Fields of D that no declaration has. */
type UnknownFields<D> = Readonly<
  Record<Exclude<keyof D & string, keyof FeatureDeclaration>, Problem<'not a field of a declaration'>>
>

/** Keys of a map by table that are not tables of DB. (Where a key is computed, numbers are keys too.) */
type UnknownTables<PerTable, DB, Schema extends string> = Readonly<
  Record<Exclude<keyof PerTable & string, RelationName<DB, Schema>>, Problem<'not a table of the database'>>
>

/** Keys of a map by table and column that are not columns of their table. */
type UnknownColumns<PerTable, DB, Schema extends string> = {
  readonly [Written in keyof PerTable]: Readonly<
    Record<
      Exclude<keyof PerTable[Written] & string, ColumnName<DB, Written, Schema>>,
      Problem<'not a column of the table'>
    >
  >
}

/** The fields of a declaration that map tables to names. */
type PerTableField = 'columns' | 'constraints' | 'triggers' | 'policies' | 'rules' | 'fill'

type UnknownTablesByField<D, DB, Schema extends string> = {
  readonly [Field in PerTableField & keyof D]: UnknownTables<D[Field], DB, Schema>
}

type UnknownTablesInCounts<D, DB, Schema extends string> = D extends { readonly counts: infer Counts }
  ? {
      readonly counts: {
        readonly [Label in keyof Counts]: Counts[Label] extends string
          ? unknown
          : UnknownTables<Counts[Label], DB, Schema>
      }
    }
  : unknown

type UnknownAcknowledgements<D, DB, Schema extends string> = D extends { readonly acknowledge: infer Acknowledged }
  ? {
      readonly acknowledge: {
        readonly [Field in keyof Acknowledged]: Field extends 'rewrites' | 'triggers'
          ? UnknownTables<Acknowledged[Field], DB, Schema>
          : Field extends 'eventTriggers' | 'roles'
            ? unknown
            : Problem<'not a field of an acknowledgement'>
      }
    }
  : unknown

type UnknownFilledColumns<D, DB, Schema extends string> = D extends { readonly fill: infer PerTable }
  ? { readonly fill: UnknownColumns<PerTable, DB, Schema> }
  : unknown

/** Demands of a declaration that it holds nothing that a {@link FeatureDeclaration} does not. */
export type NothingElse<D, DB, Schema extends string> = UnknownFields<D> &
  UnknownTablesByField<D, DB, Schema> &
  UnknownTablesInCounts<D, DB, Schema> &
  UnknownAcknowledgements<D, DB, Schema> &
  UnknownFilledColumns<D, DB, Schema>
