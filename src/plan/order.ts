import { addressKey, type Node } from '../catalog/dependency.ts'
import { NOTHING_CHANGED, UnshipError } from '../errors.ts'
import type { Model } from './model.ts'
import type { Recreated } from './objects/objects.ts'

/**
 * Puts objects after everything among them that they depend on; equals keep
 * their order. Dependencies of a view are those of its rule.
 */
export function inDependencyOrder(model: Model, objects: readonly Recreated[]): Recreated[] {
  const keyOf = new Map<string, string>()
  for (const node of model.snapshot.nodes) keyOf.set(addressKey(node), representative(node, objects))
  // what needs a constraint's index needs the constraint
  for (const { indexrelid, conoid } of model.snapshot.indexes)
    if (conoid !== null) keyOf.set(`pg_class:${indexrelid}:0`, `pg_constraint:${conoid}:0`)
  const byKey = new Map(objects.map((o) => [o.key, o]))
  const needs = new Map<string, Set<string>>()
  for (const { dependent, referenced, deptype } of model.snapshot.edges) {
    const from = keyOf.get(dependent) ?? dependent
    // on a column of a view is on the view
    const to = keyOf.get(referenced) ?? referenced.replace(/^(pg_class:\d+):\d+$/, '$1:0')
    if (!byKey.has(from) || !byKey.has(to)) continue
    // a function that was replaced by one that calls itself, a view by one that reads its own columns
    const itself =
      deptype === 'n' &&
      (dependent.startsWith('pg_proc:') || (dependent.startsWith('pg_rewrite:') && !referenced.endsWith(':0')))
    if (from === to && !itself) continue
    needs.set(from, (needs.get(from) ?? new Set()).add(to))
  }
  const ordered: Recreated[] = []
  const state = new Map<string, 'visiting' | 'done'>()
  const visit = (object: Recreated) => {
    if (state.get(object.key) === 'visiting')
      throw new UnshipError({
        code: 'not_restorable',
        message: `feature ${model.feature.name} cannot be restored exactly, so it is not removed`,
        detail: `${object.kind} ${object.identity} and others of the feature depend on each other in a circle.`,
        hint: NOTHING_CHANGED,
      })
    if (state.has(object.key)) return
    state.set(object.key, 'visiting')
    const needed = needs.get(object.key)
    // edges have no order
    if (needed) objects.filter(({ key }) => needed.has(key)).forEach(visit)
    state.set(object.key, 'done')
    ordered.push(object)
  }
  objects.forEach(visit)
  return ordered
}

/** The object that a catalog row is a part of: a view for its rule, a relation for its columns and row type. */
function representative(node: Node, objects: readonly Recreated[]): string {
  const own = addressKey(node)
  if (objects.some((o) => o.key === own)) return own
  const part = ['pg_rewrite', 'pg_type', 'pg_attrdef'].includes(node.catalog)
  if (part && node.owner_relid !== null) return `pg_class:${node.owner_relid}:0`
  if (node.catalog === 'pg_class' && node.objsubid > 0) return `pg_class:${node.objid}:0`
  return own
}
