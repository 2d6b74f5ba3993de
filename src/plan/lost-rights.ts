import { isForReferencedPartition, type Constraint } from '../catalog/constraint.ts'
import { storedColumns } from './host.ts'
import { shown, type Model } from './model.ts'
import { needsRecreation } from './parts.ts'

/**
 * What the session lacks on the tables themselves: an owner has every privilege unless
 * it was taken away, and what was taken away is missing in the restore too.
 */
export function lostRights(model: Model): string[] {
  const { snapshot } = model
  const lacks: string[] = []
  const demand = (oid: string, privilege: string) => {
    const { privileges } = model.relation(oid)
    if (!privileges.includes(privilege)) lacks.push(`${privilege} on table ${shown(model.name(oid))}`)
  }
  for (const oid of model.removed.keys()) for (const p of ['SELECT', 'UPDATE', 'TRIGGER']) demand(oid, p)
  for (const { relid, isleaf } of snapshot.members) {
    demand(relid, 'TRIGGER')
    if (isleaf) demand(relid, 'SELECT')
  }
  for (const k of snapshot.constraints)
    if (k.contype === 'f' && !isForReferencedPartition(k) && model.nodes.has(`pg_constraint:${k.oid}:0`)) {
      demand(k.confrelid, 'REFERENCES')
      // parents are looked for in tables that stay; moved ones are ours meanwhile
      if (losesParents(model, k) && !model.moved.has(k.confrelid)) demand(k.confrelid, 'SELECT')
    }
  for (const t of snapshot.triggers)
    if (needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid)) {
      demand(t.tgrelid, 'TRIGGER')
      if (!t.callable) lacks.push(`EXECUTE on function ${t.function}`)
    }
  return lacks
}

/** Whether its rows, or their references, are set aside where a parent goes meanwhile. */
function losesParents(model: Model, { conrelid, conkey }: Constraint): boolean {
  if (model.moved.has(conrelid)) return true
  const emptied = storedColumns(model, conrelid).filter((c) => !c.attnotnull)
  return (conkey ?? []).every((attnum) => emptied.some((c) => c.attnum === attnum))
}
