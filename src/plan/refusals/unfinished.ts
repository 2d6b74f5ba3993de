import { NOTHING_CHANGED, UnshipError } from '../../errors.ts'
import { shown, type Model } from '../model.ts'
import { hasStandIn, isBeingRestored } from './under-restore.ts'

/**
 * Refuses tables on which another run has its own things for the time being: what stands in for a trigger would be captured for it,
 * or suggested, and what a watch speaks of cannot go.
 */
export function refuseUnfinished(model: Model): void {
  const found = [...restoredInto(model), ...watched(model)]
  if (found.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${model.feature.name} cannot be removed while other runs on its tables are unfinished`,
    detail: found.join('\n'),
    hint: `Run the same command of that feature again to finish it, or unship abort to take it back. ${NOTHING_CHANGED}`,
  })
}

function restoredInto(model: Model): string[] {
  const { snapshot } = model
  const owners = [...model.nodes.values()].flatMap(({ owner_relid }) => owner_relid ?? [])
  return [...new Set([...model.gone.keys(), ...model.moved, ...model.views, ...owners])].flatMap((oid) => {
    const relation = model.relations.get(oid)
    if (!relation || !isBeingRestored(relation, snapshot)) return []
    const { schema, name } = model.name(oid)
    const run = snapshot.unfinished.find((u) => u.direction === 'restore' && u.schema === schema && u.name === name)
    // what bears such a name, and is of no run, is somebody's own
    if (!run && !hasStandIn(relation, snapshot)) return []
    const of = run ? ` of feature ${run.feature} (run ${run.run})` : ''
    return [`A restore${of} into ${shown({ schema, name })} is under way, or has broken off: it has to end first.`]
  })
}

/** Its own watch is taken away before a removal begins anew. */
function watched(model: Model): string[] {
  return model.snapshot.unfinished.flatMap(({ run, feature, watched: stands, schema, name, columns }) => {
    if (!stands || feature === model.feature.name) return []
    const relation = model.snapshot.relations.find((r) => r.nspname === schema && r.relname === name)
    if (!relation) return []
    const gone = (model.gone.get(relation.oid) ?? []).map((c) => c.attname).filter((c) => columns.includes(c))
    if (gone.length === 0 && !model.moved.has(relation.oid)) return []
    const what = gone.length > 0 ? `column ${gone.join(', ')} of ${shown({ schema, name })}` : shown({ schema, name })
    return [`A removal of feature ${feature} (run ${run}) watches ${what}: it has to end first.`]
  })
}
