import type { FeatureDeclaration } from './feature/declaration.ts'
import type { NothingElse } from './feature/exact.ts'
import type { Untyped } from './feature/names.ts'
import type { CheckedFunctions } from './feature/signature.ts'
import { checkedDeclaration } from './feature/validate.ts'

export type { Acknowledgement, Count, FeatureDeclaration } from './feature/declaration.ts'
export type { RelationName } from './feature/names.ts'
export type { Without } from './feature/without.ts'

/** Marks features at run time; registered, because two copies of the package may be loaded. */
const BRAND = Symbol.for('kysely-unship.feature')

/** Keeps DB in the type of a feature. No value holds it. */
declare const database: unique symbol

/** A declaration of any feature. */
type AnyDeclaration = FeatureDeclaration<Untyped, Untyped>

/** A declaration that was checked. `typeof feature` keeps every name that it lists. */
export type Feature<DB = Untyped, D extends AnyDeclaration = AnyDeclaration> = D & {
  readonly [database]?: (db: DB) => void
}

/**
 * Declares a feature: the tables, columns, views, functions and other objects
 * that a removal takes out and a restore puts back.
 *
 * DB is the interface of the database with the feature; without it, names are
 * not checked by the compiler. The call is in two steps because TypeScript cannot
 * infer one type argument while the other is given.
 *
 * Touches no database.
 *
 * @throws {UnshipError} `invalid_declaration` for what the compiler cannot see:
 * an empty name, a declaration without any object, a name listed twice.
 *
 * @example
 * export const programPartner = defineFeature<Database>()({
 *   name: 'program_partner',
 *   tables: ['program_partner_audit_log'],
 *   columns: { contacts: ['is_expected_program_partner', 'payment_method'] },
 *   functions: ['update_payment_method'],
 * })
 */
export function defineFeature<DB = Untyped>() {
  return <
    const Schema extends string = 'public',
    const D extends FeatureDeclaration<DB, Schema> = FeatureDeclaration<DB, Schema>,
  >(
    declaration: D &
      FeatureDeclaration<DB, Schema> &
      CheckedFunctions<D> &
      NothingElse<D, DB, Schema> & { readonly schema?: Schema },
  ): Feature<DB, D> => {
    return branded(checkedDeclaration(declaration, { objects: true })) as Feature<DB, D>
  }
}

/**
 * Whether a value is what `defineFeature` returned; also when another copy of
 * this package did.
 *
 * @example
 * const features = Object.values(await import(file)).filter(isFeature)
 */
export function isFeature(value: unknown): value is Feature {
  return typeof value === 'object' && value !== null && BRAND in value
}

/** Carries the brand, which neither a spread nor JSON shows, and is frozen. */
function branded(feature: object): object {
  Object.defineProperty(feature, BRAND, { value: true })
  return Object.freeze(feature)
}
