import type { Column } from '../../catalog/column.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { generatedColumns, storedColumns } from '../objects/host.ts'
import type { Model } from '../model.ts'

/** In the order in which they stand in the table. */
const presentOrder = (model: Model, oid: Oid): readonly Column[] =>
  [...model.columns(oid)].sort((a, b) => a.attnum - b.attnum)

/**
 * The order in which they stand after a restore: those that stay, those that are added and filled,
 * those that are generated. A partition gets them in the order of its declared table, whatever its own was.
 */
const restoredOrder = (model: Model, oid: Oid): readonly Column[] => [
  ...presentOrder(model, oid).filter((c) => !model.isRemoved(oid, c.attnum)),
  ...storedColumns(model, oid),
  ...generatedColumns(model, oid),
]

/** The removed columns that stand in another place after the restore. */
export function movingColumns(model: Model, oid: Oid): readonly Column[] {
  if (!model.gone.has(oid)) return []
  const restored = restoredOrder(model, oid)
  return presentOrder(model, oid).filter((c, place) => c !== restored[place] && model.isRemoved(oid, c.attnum))
}

/** Whether the columns of a table are in another order after the restore. */
export const columnsMove = (model: Model, oid: Oid): boolean => movingColumns(model, oid).length > 0
