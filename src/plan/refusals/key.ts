import type { Column } from '../../catalog/column.ts'
import type { Oid } from '../../catalog/fragments.ts'
import type { Index } from '../../catalog/index.ts'
import type { Model } from '../model.ts'

/** What identifies a row. */
export interface Key {
  readonly columns: readonly Column[]
  /** For each of them, the operator that finds a row by its value. */
  readonly equalities: readonly string[]
}

export const BUILT_IN_EQUALITY = 'operator(pg_catalog.=)'

const isKey = (i: Index, oid: Oid) =>
  i.indrelid === oid &&
  i.indisunique &&
  i.indimmediate &&
  i.indisvalid &&
  i.compares_plainly &&
  !i.partial &&
  !i.expressions

/** It goes with the feature, as the key that was declared, or the one that covers a removed column. */
const goes = (model: Model, { indexrelid }: Index) => model.nodes.has(`pg_class:${indexrelid}:0`)

/**
 * The primary key, or else a unique, immediate, complete index, which stays: while it was gone, a value might come to mean several
 * rows, and nothing would say that it does not when the restore gives them back theirs. One that compares otherwise than the backup's own key would,
 * by another collation or operator class than the columns', may hold for different rows what is the same there.
 */
export function usableKey(model: Model, oid: Oid): Key | null {
  const columns = model.columns(oid)
  const candidates = model.snapshot.indexes
    .filter((i) => isKey(i, oid) && !goes(model, i))
    .sort((a, b) => Number(b.indisprimary) - Number(a.indisprimary) || a.indnkeyatts - b.indnkeyatts)
  for (const { indkey, indnkeyatts, equalities } of candidates) {
    const key = indkey.slice(0, indnkeyatts).map((n) => columns.find((c) => c.attnum === n))
    if (key.every((c) => c?.attnotnull && !model.isRemoved(oid, c.attnum)))
      return { columns: key as Column[], equalities }
  }
  return null
}

/** Keys that could identify a row if they stayed. */
export const keysThatGo = (model: Model, oid: Oid): Index[] =>
  model.snapshot.indexes.filter((i) => isKey(i, oid) && goes(model, i))
