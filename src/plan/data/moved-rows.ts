import { addressKey } from '../../catalog/dependency.ts'
import type { Oid } from '../../catalog/fragments.ts'
import type { Model } from '../model.ts'

/** Whether a function takes or returns rows of a table that is moved, so that its signature changes with that table's name. */
export const takesMovedRows = (model: Model, oid: Oid): boolean =>
  model.snapshot.edges.some(({ dependent, referenced }) => {
    if (dependent !== addressKey({ catalog: 'pg_proc', objid: oid, objsubid: 0 })) return false
    const node = model.nodes.get(referenced)
    return node?.catalog === 'pg_type' && node.owner_relid !== null && model.moved.has(node.owner_relid)
  })
