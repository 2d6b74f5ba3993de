import { addressKey, type Node } from '../../catalog/dependency.ts'
import { standing } from '../dependents.ts'
import type { Model } from '../model.ts'
import { isMovedRoutine } from '../objects/moved.ts'
import { needsRecreation } from '../parts.ts'

/**
 * What goes along or is moved, and yet needs something that the cut-over drops: PostgreSQL
 * would refuse the drop there, or take more along than the plan knows.
 */
export function leftBehind(model: Model): string[] {
  const known = new Map<string, boolean>()
  const dropped = (node: Node, key = addressKey(node)) => {
    const answer = known.get(key) ?? isDropped(model, node, key)
    known.set(key, answer)
    return answer
  }
  return model.snapshot.edges.flatMap(({ dependent, referenced }) => {
    const from = model.nodes.get(dependent)
    const to = model.nodeOf(referenced)
    if (!from || !to || dropped(from) || !dropped(to, referenced)) return []
    // functions have a reason of their own; sequences are set free or made again
    if (from.catalog === 'pg_proc' || from.subkind === 'S') return []
    if (!['declared', 'by nature'].includes(standing(model, from).kind)) return []
    return [`${from.description} is kept, and needs ${to.description}, which is dropped meanwhile`]
  })
}

/** Whether the cut-over drops it, or drops what it is a part of; the key says which column of a relation. */
function isDropped(model: Model, node: Node, key: string): boolean {
  const { catalog, objid, owner_relid: owner } = node
  const ofMoved = owner !== null && model.moved.has(owner)
  const ofView = owner !== null && model.views.has(owner)
  switch (catalog) {
    case 'pg_class':
      if (model.views.has(objid)) return true
      if (node.subkind === 'i' || node.subkind === 'I') return !ofMoved
      return model.isRemoved(objid, Number(key.split(':')[2]))
    case 'pg_attrdef':
      return ofView || (owner !== null && model.isRemoved(owner, node.owner_attnum ?? 0))
    case 'pg_constraint':
      // of a table: gone or re-created unless it is moved with that; of a domain: never
      return owner !== null && (node.subkind === 'f' || node.subkind === 't' || !ofMoved)
    case 'pg_trigger':
    case 'pg_policy':
    case 'pg_rewrite':
      return ofView || (owner !== null && needsRecreation(model, catalog, objid, owner)) || isInternal(model, node)
    case 'pg_publication_rel':
      return true
    case 'pg_statistic_ext':
      return !ofMoved
    case 'pg_proc': {
      const routine = model.snapshot.routines.find((r) => r.oid === objid)
      return routine !== undefined && !isMovedRoutine(model, routine)
    }
    case 'pg_type':
      return ofView
    default:
      return false
  }
}

/** A trigger that PostgreSQL made for a foreign key goes with that. */
const isInternal = (model: Model, node: Node) =>
  node.catalog === 'pg_trigger' && !model.snapshot.triggers.some((t) => t.oid === node.objid)
