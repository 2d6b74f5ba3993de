import { isForReferencedPartition, type Constraint } from '../../catalog/constraint.ts'
import type { Index } from '../../catalog/index.ts'
import { asPrinted } from '../../sql.ts'
import { shown, type Model } from '../model.ts'

/*
 * A foreign key hangs on one unique index of the table that it refers to. Where several fit, PostgreSQL takes the oldest for a
 * key that names the columns, which its definition always does, and the primary key for one that does not.
 */

/** Columns of the table referred to, by number, as the key pairs them with its own. */
const referencedNumbers = (model: Model, key: Constraint) =>
  key.referenced_columns.map((name) => model.columns(key.confrelid).find((c) => c.attname === name)?.attnum ?? 0)

const keyOf = ({ indkey, indnkeyatts }: Index) => indkey.slice(0, indnkeyatts)

/** It is dropped and built again: the youngest by then. */
const builtAgain = (model: Model, i: Index) =>
  !model.moved.has(i.indrelid) && model.nodes.has(`pg_class:${i.indexrelid}:0`)

/** The indexes that a key could hang on. */
function thatFit(model: Model, key: Constraint): Index[] {
  const wanted = referencedNumbers(model, key).toSorted().join()
  return model.snapshot.indexes
    .filter((i) => i.indrelid === key.confrelid && (key.period ? i.indisexclusion : i.indisunique))
    .filter((i) => i.indimmediate && i.indisvalid && !i.partial && !i.expressions)
    .filter((i) => keyOf(i).toSorted().join() === wanted)
}

/** A foreign key hangs on it. */
export const isReferredTo = (model: Model, { indexrelid }: Index): boolean =>
  model.snapshot.constraints.some((k) => k.contype === 'f' && k.conindid === indexrelid)

/** Whether one of them comes back with the feature: none has to be there before. */
export const indexReturns = (model: Model, key: Constraint): boolean =>
  thatFit(model, key).some((i) => builtAgain(model, i))

/** The index that a restored key would hang on if it named the columns. */
const oldestThatFits = (model: Model, key: Constraint): Index | undefined =>
  thatFit(model, key).sort((a, b) => {
    const [laterA, laterB] = [builtAgain(model, a), builtAgain(model, b)]
    return Number(laterA) - Number(laterB) || (laterA ? 0 : Number(a.indexrelid) - Number(b.indexrelid))
  })[0]

/** The definition by which a foreign key hangs on the index that it did; null where there is none. */
export function boundDefinition(model: Model, key: Constraint): string | null {
  const oldest = oldestThatFits(model, key)
  if (!oldest || oldest.indexrelid === key.conindid) return key.def
  const own = model.snapshot.indexes.find((i) => i.indexrelid === key.conindid)
  if (!own?.indisprimary || keyOf(own).join() !== referencedNumbers(model, key).join()) return null
  const { schema, name } = model.name(key.confrelid)
  const list = (names: readonly string[]) => `[(]${names.map((n) => `(?:PERIOD )?${asPrinted(n)}`).join(', ')}[)]`
  const named = new RegExp(
    `^(FOREIGN KEY ${list(key.columns)} REFERENCES (?:${asPrinted(schema)}[.])?${asPrinted(name)})${list(key.referenced_columns)}`,
  )
  return named.test(key.def) ? key.def.replace(named, '$1') : null
}

/** Foreign keys that would hang on another index than they did. */
export const boundReasons = (model: Model): string[] =>
  model.snapshot.constraints
    .filter((k) => k.contype === 'f' && !isForReferencedPartition(k) && model.nodes.has(`pg_constraint:${k.oid}:0`))
    .filter((k) => boundDefinition(model, k) === null)
    .map((k) => {
      const of = (i: Index | undefined) => i?.relname ?? 'one that is gone'
      const own = model.snapshot.indexes.find((i) => i.indexrelid === k.conindid)
      return `foreign key ${k.conname} of ${shown(model.name(k.conrelid))} hangs on index ${of(own)} of ${shown(model.name(k.confrelid))}, and would hang on ${of(oldestThatFits(model, k))}`
    })
