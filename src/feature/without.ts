import type { KeyOf, Names } from './names.ts'

/** The schema that a declaration's unqualified names mean. */
type SchemaOf<F> = F extends { readonly schema: infer Schema extends string } ? Schema : 'public'

/** The names that a declaration lists under `Field`. */
type Listed<F, Field extends string> =
  F extends Readonly<Record<Field, infer List extends Names>> ? List[number] : never

/** The keys of DB that are tables or views of the feature. */
type RemovedRelation<DB, F> = KeyOf<DB, Listed<F, 'tables'> | Listed<F, 'views'>, SchemaOf<F>>

/** The columns that the relation `Key` of DB loses; `never` for one that loses none. */
type RemovedColumn<DB, F, Key> = F extends { readonly columns: infer PerTable }
  ? {
      [Written in keyof PerTable]: Key extends KeyOf<DB, Written, SchemaOf<F>> ? ListedIn<PerTable[Written]> : never
    }[keyof PerTable]
  : never

type ListedIn<List> = List extends Names ? List[number] : never

/** A relation without the columns that it loses; one that loses none stays the same type. */
type WithoutColumns<Relation, Column> = [Column] extends [never] ? Relation : Omit<Relation, Column & PropertyKey>

/**
 * The interface of the database after the removal of a feature: DB without the
 * feature's tables and views, and its host tables without the removed columns.
 *
 * An application compiled against it shows every remaining use of the feature as
 * a compile error.
 *
 * @example
 * type Database = Without<DatabaseWithProgramPartner, typeof programPartner>
 *
 * db.selectFrom('contacts').select('payment_method')
 * //                               ~~~~~~~~~~~~~~~~ no such column any more
 */
export type Without<DB, F> = {
  [Key in keyof DB as Key extends RemovedRelation<DB, F> ? never : Key]: WithoutColumns<
    DB[Key],
    RemovedColumn<DB, F, Key>
  >
}
