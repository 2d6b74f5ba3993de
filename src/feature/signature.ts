import type { Names } from './names.ts'
import type { Problem } from './problem.ts'

/**
 * The syntax of a declared function: `'f'`, `'s.f'`, `'f()'`, `'f(uuid, text)'`,
 * `'f(numeric(10, 2), text[])'`. Whether the function exists is for the database
 * to say.
 */

/** Text without blanks at its ends. */
type Trim<Text extends string> = Text extends ` ${infer Rest}`
  ? Trim<Rest>
  : Text extends `${infer Rest} `
    ? Trim<Rest>
    : Text

/** What may stand between the parentheses of one type: `(3)`, `(10, 2)`. */
type TypeModifier = `${number}` | `${number},${number}` | `${number}, ${number}`

/** What is wrong with one argument's type; `never` when nothing is. */
type ArgumentError<Argument extends string> =
  Trim<Argument> extends ''
    ? 'an argument type is missing'
    : Argument extends `${string}(${infer Modifier})${string}`
      ? Modifier extends TypeModifier
        ? never
        : 'unbalanced parentheses'
      : Argument extends `${string}(${string}` | `${string})${string}`
        ? 'unbalanced parentheses'
        : never

/** What is wrong with a list of arguments. A comma within parentheses does not separate. */
type ArgumentsError<List extends string> = List extends `${infer Head},${infer Tail}`
  ? Head extends `${string}(${string}`
    ? Head extends `${string})${string}`
      ? ArgumentError<Head> | ArgumentsError<Tail>
      : ModifierError<Head, Tail>
    : ArgumentError<Head> | ArgumentsError<Tail>
  : ArgumentError<List>

/** `Head` opens a parenthesis that `Tail` has to close, as in `numeric(10, 2), text`. */
type ModifierError<Head extends string, Tail extends string> = Tail extends `${infer Modifier})${infer After}`
  ? ArgumentError<`${Head},${Modifier})`> | AfterModifierError<After>
  : 'unbalanced parentheses'

/** What is wrong with that which follows a type's closing parenthesis. */
type AfterModifierError<After extends string> = After extends `${infer Suffix},${infer Rest}`
  ? SuffixError<Suffix> | ArgumentsError<Rest>
  : SuffixError<After>

/** After its modifier, a type may go on (`timestamp(3) with time zone`, `numeric(10, 2)[]`). */
type SuffixError<Suffix extends string> = Suffix extends `${string}(${string}` | `${string})${string}`
  ? 'unbalanced parentheses'
  : never

/** What is wrong with a declared function; `never` when nothing is. */
type SignatureError<Signature extends string> = string extends Signature
  ? never
  : Signature extends `${infer Name}(${infer List})`
    ? Trim<Name> extends ''
      ? 'the function name is missing'
      : Trim<List> extends ''
        ? never
        : ArgumentsError<List>
    : Signature extends `${string}(${string}` | `${string})${string}`
      ? 'unbalanced parentheses'
      : Trim<Signature> extends ''
        ? 'the function name is missing'
        : never

/** The signature itself, or, in its place, what is wrong with it. */
type CheckedSignature<Signature> = Signature extends string
  ? [SignatureError<Signature>] extends [never]
    ? Signature
    : Problem<SignatureError<Signature>>
  : Signature

/** Demands of a declaration that each of its functions is well written. */
export type CheckedFunctions<D> = D extends { readonly functions: infer List extends Names }
  ? { readonly functions: { readonly [Index in keyof List]: CheckedSignature<List[Index]> } }
  : unknown
