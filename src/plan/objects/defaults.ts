import type { Column } from '../../catalog/column.ts'
import { replayable } from '../../catalog/replay.ts'

/** As a column's own default it stands before its domain's, as a domain's before that of the one that it is over. */
const NULL = /^\(*NULL::/

/** Without a default of its own, a column would be given that of its type, whatever that is by then. */
const mayHaveTypeDefault = ({ is_domain, type_default }: Column) => is_domain || type_default !== null

/** What a row is given that says nothing of the column: its own default, or else its domain's; null where there is none, or a domain's is NULL. */
export function defaultOf(column: Column): string | null {
  const given = column.default ?? column.type_default
  return given !== null && mayHaveTypeDefault(column) && NULL.test(given) ? null : given
}

/**
 * What ADD COLUMN says that the rows are given; null where it says nothing, and they get NULL.
 *
 * A constrained domain rewrites the table in any case, and might not take NULL: but nothing is drawn from a sequence for rows that have
 * their values, nor for those that will get them in the fill.
 */
export function addedDefault(column: Column): string | null {
  const { default: own, default_constant, default_draws, constrained_domain } = column
  if (own !== null && default_constant) return replayable(own)
  if (!mayHaveTypeDefault(column)) return null
  const given = defaultOf(column)
  return given !== null && constrained_domain && !default_draws ? replayable(given) : 'null'
}

/** What makes a default that ADD COLUMN was told the one that the column has. */
export function settledDefault({ default: own }: Column, added: string | null): string | null {
  if (own === null) return added === null ? null : 'drop default'
  const settled = added === replayable(own) || (added === 'null' && NULL.test(own))
  return settled ? null : `set default ${replayable(own)}`
}
