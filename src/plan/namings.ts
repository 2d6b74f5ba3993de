import type { Node } from '../catalog/dependency.ts'
import { shown, type Model } from './model.ts'
import { isMovedRoutine } from './moved.ts'

/** Columns whose values name what is created again, under another identifier: afterwards they would name nothing. */
export function namingWarnings(model: Model): string[] {
  const again = [...model.nodes.values()].filter((node) => isCreatedAgain(model, node))
  return model.snapshot.namings.flatMap(({ schema, table, column, catalog, named }) => {
    const objects = again.filter((node) => node.catalog === catalog && (named?.includes(node.objid) ?? true))
    if (objects.length === 0) return []
    const name = `column ${shown({ schema, name: table })}.${column}`
    const list = objects.map((node) => node.description).join(', ')
    return [
      named
        ? `values of ${name} name ${list} by an identifier, which is another one after the restore: they name nothing then`
        : `values of ${name}, which were not looked at, may name ${list} by an identifier, which is another one after the restore`,
    ]
  })
}

/** What is moved keeps its identifier. */
function isCreatedAgain(model: Model, { catalog, objid, owner_relid }: Node): boolean {
  const { snapshot } = model
  if (catalog === 'pg_proc') return snapshot.routines.some((r) => r.oid === objid && !isMovedRoutine(model, r))
  if (catalog === 'pg_type') return owner_relid !== null && model.views.has(owner_relid)
  if (catalog !== 'pg_class') return false
  return (
    model.views.has(objid) ||
    snapshot.indexes.some((i) => i.indexrelid === objid && !model.moved.has(i.indrelid)) ||
    snapshot.sequences.some(
      (s) => s.seqrelid === objid && s.owner_kind === 'i' && !model.moved.has(s.owner_relid ?? ''),
    )
  )
}
