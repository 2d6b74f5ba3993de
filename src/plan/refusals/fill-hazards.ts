import type { Column } from '../../catalog/column.ts'
import type { Constraint } from '../../catalog/constraint.ts'
import type { Trigger } from '../../catalog/trigger.ts'
import { id } from '../../sql.ts'

/*
 * Filling is an UPDATE: of each row that it writes, PostgreSQL demands whatever it demands of new rows, and may compute again what is
 * generated.
 */

/** Something about rows of a table that an UPDATE of theirs would meet. */
export interface FillHazard {
  /** An expression over the table's columns, true for such a row. */
  readonly sql: string
  /** What is said where there are some; `%` stands for the table. */
  readonly reason: string
}

interface Table {
  readonly columns: readonly Column[]
  readonly constraints: readonly Constraint[]
  readonly triggers: readonly Trigger[]
}

/** What an UPDATE of a table's rows may fail at, or change besides; given what stays in it. */
export function fillHazards({ columns, constraints, triggers }: Table): FillHazard[] {
  const refused = (name: string, sql: string): FillHazard => ({
    sql,
    reason: `rows of % do not satisfy ${name}, which is not validated: they could not be filled`,
  })
  // PostgreSQL computes those alone whose columns are written, but all of them where a trigger may write more
  const again = triggers.some(({ def }) => / BEFORE (?:[A-Z ]+ OR )*UPDATE/.test(def))
  return [
    ...constraints.flatMap((k) => {
      const expression = checkExpression(k)
      return k.contype === 'c' && !k.convalidated && k.enforced && expression !== null
        ? [refused(`constraint ${k.conname}`, `(${expression}) is false`)]
        : []
    }),
    ...columns
      .filter((c) => c.attnotnull && !c.not_null_validated)
      .map((c) => refused(`NOT NULL of ${c.attname}`, `${id(c.attname)} is null`)),
    ...columns
      .filter((c) => again && c.attgenerated === 's')
      .map(computedOtherwise)
      .map(({ sql, reason }) => ({ sql, reason: `${reason}; filling would change it` })),
  ]
}

/** A function that an expression calls has been replaced, or is not as immutable as it says. */
export const computedOtherwise = (column: Column): FillHazard => ({
  sql: `pg_catalog.record_image_ne(row(${id(column.attname)}), row(${column.default ?? 'null'}))`,
  reason: `generated column ${column.attname} of % does not hold what its expression gives by now`,
})

export const checkExpression = (k: Pick<Constraint, 'def'>): string | null =>
  /^CHECK \((.*)\)(?: NO INHERIT| NOT VALID| NOT ENFORCED)*$/s.exec(k.def)?.[1] ?? null
