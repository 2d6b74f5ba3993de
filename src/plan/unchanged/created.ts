import { isForReferencedPartition } from '../../catalog/constraint.ts'
import { addressKey } from '../../catalog/dependency.ts'
import type { Model } from '../model.ts'
import type { Parts } from '../parts.ts'

/** Tells of a catalog key whether it is, or belongs to, what a restore creates by itself; unless told, not of what may go with its partition. */
export function isCreatedAgain(
  model: Model,
  { recreated, prebuilt }: Pick<Parts, 'recreated' | 'prebuilt'>,
  { ofPartitions = false } = {},
): (key: string) => boolean {
  const created = new Set([...recreated.map(({ key }) => key), ...prebuilt.map(({ oid }) => `pg_class:${oid}:0`)])
  const parts = new Set(
    model.snapshot.constraints.filter(isForReferencedPartition).map((k) => `pg_constraint:${k.oid}:0`),
  )
  return (key) => {
    // PostgreSQL makes it for each partition that is referred to by then
    if (parts.has(key)) return false
    const node = model.nodes.get(key)
    const owner = node?.owner_relid ?? (node?.catalog === 'pg_class' ? node.objid : null)
    // a partition may go, with what is created in it
    if (!ofPartitions && owner !== null && model.rootOf(owner) !== null) return false
    if (created.has(key)) return true
    if (!node || owner === null || model.moved.has(owner)) return false
    if (model.views.has(owner)) return created.has(addressKey({ catalog: 'pg_class', objid: owner, objsubid: 0 }))
    // columns, defaults and indexes of host tables
    return model.gone.has(owner) || ['i', 'I'].includes(node.relkind ?? '')
  }
}
