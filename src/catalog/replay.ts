import { literal } from '../sql.ts'

/** A text constant or a quoted name: whatever it holds is no SQL. */
const QUOTED = String.raw`'(?:[^']|'')*'|"(?:[^"]|"")*"`

/** An array that PostgreSQL itself cast, as it prints it: `(ARRAY['a'::character varying])::text[]`. */
const IMPLICIT_ARRAY_CAST = String.raw`\((ARRAY\[(?:'(?:[^']|'')*'|[^\]'\[]|\[[^\]'\[]*\])*\])\)::[^\]\[()',]+\[\]`

/** The same without parentheses, as statistics are printed; an empty array needs its cast. */
const BARE_ARRAY_CAST = String.raw`(ARRAY\[(?:'(?:[^']|'')*'|[^\]'[]|\[[^\]'[]*\])+\])::[^\][()',]+\[\]`

/** What `replayable` replaces, and by what: the same to PostgreSQL and to JavaScript, but for how a group is named. */
const REPLAYED = `(${QUOTED})|${IMPLICIT_ARRAY_CAST}`

/**
 * A definition as it must be written so that PostgreSQL prints it the same
 * again. `payment_method in ('a', 'b')` over varchar is stored with a cast of the
 * whole array, and printed as if someone had written that cast; but a
 * written cast is pushed down into the elements, and then prints differently.
 * Left out, it is added by PostgreSQL as it was the first time.
 *
 * A written cast of an array that was cast already, `(array[1.5]::numeric[])::int[]`, prints in this form, too, and would be
 * lost: what is created again is tried (`src/plan/refusals/trials.ts`), and refused where it prints otherwise.
 */
export const replayable = (definition: string): string => definition.replace(new RegExp(REPLAYED, 'g'), '$1$2')

/** The same of a definition that is read when the statement runs: an SQL expression for it. */
export const replayableExpression = (definition: string): string =>
  `pg_catalog.regexp_replace(${definition}, ${literal(REPLAYED)}, ${literal(String.raw`\1\2`)}, 'g')`

export const replayableStatistics = (definition: string): string =>
  definition.replace(new RegExp(`(${QUOTED})|${BARE_ARRAY_CAST}`, 'g'), '$1$2')

/** A function's; of its body only one that PostgreSQL has parsed, for another is kept as it was written. */
export function replayableRoutine({
  def,
  prosrc,
  parsed,
}: {
  def: string | null
  prosrc: string
  parsed: boolean
}): string {
  const definition = (def ?? '').replace(/^CREATE OR REPLACE /, 'CREATE ')
  const end = parsed ? -1 : definition.lastIndexOf(prosrc)
  return end < 0 ? replayable(definition) : replayable(definition.slice(0, end)) + definition.slice(end)
}
