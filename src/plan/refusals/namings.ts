import type { Node } from '../../catalog/dependency.ts'
import type { Naming } from '../../catalog/identifiers.ts'
import { shown, type Model } from '../model.ts'
import { isMovedRoutine } from '../objects/moved.ts'

/** Columns whose values name what is created again, under another identifier: afterwards they would name nothing. */
export const namingWarnings = (model: Model): string[] =>
  namingsOfRecreated(model).flatMap(({ naming, column, list }) =>
    naming.named === null
      ? [
          `values of ${column}, which were not looked at, may name ${list} by an identifier, which is another one after the restore`,
        ]
      : isOfFeature(model, naming)
        ? []
        : [
            `values of ${column} name ${list} by an identifier, which is another one after the restore: they name nothing then`,
          ],
  )

const NAMES_NOTHING = 'which is another one after the restore: they would come back and name nothing'

/** The same of what the feature keeps itself: it would not come back as it was. */
export const namingReasons = (model: Model): string[] =>
  namingsOfRecreated(model)
    .filter(({ naming }) => naming.named !== null && isOfFeature(model, naming))
    .map(({ column, list }) => `values of ${column} name ${list} by an identifier, ${NAMES_NOTHING}`)

export const namingHint = (reasons: readonly string[]): string[] =>
  reasons.some((reason) => reason.endsWith(NAMES_NOTHING))
    ? ['Keep such names as text (alter table … alter column … type text), or set these values to NULL.']
    : []

const isOfFeature = (model: Model, { relid, attnum }: Naming) =>
  model.moved.has(relid) || model.isRemoved(relid, attnum)

function namingsOfRecreated(model: Model): { naming: Naming; column: string; list: string }[] {
  const again = [...model.nodes.values()].filter((node) => isCreatedAgain(model, node))
  return model.snapshot.namings.flatMap((naming) => {
    const { schema, table, column, catalog, named } = naming
    const objects = again.filter((node) => node.catalog === catalog && (named?.includes(node.objid) ?? true))
    if (objects.length === 0) return []
    const list = objects.map((node) => node.description).join(', ')
    return [{ naming, column: `column ${shown({ schema, name: table })}.${column}`, list }]
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
