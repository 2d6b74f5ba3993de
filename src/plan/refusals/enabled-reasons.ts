import { contypes, type Constraint } from '../../catalog/constraint.ts'
import { addressKey } from '../../catalog/dependency.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { shown, type Model } from '../model.ts'

/** Constraints that are created again, and whose triggers would be enabled then: foreign keys, and deferrable ones of host tables. */
export const enabledReasons = (model: Model): string[] => {
  const here = (objid: Oid) => model.nodes.has(addressKey({ catalog: 'pg_constraint', objid, objsubid: 0 }))
  const comesBack = (k: Constraint) =>
    (here(k.oid) || here(k.conparentid)) && (k.contype === 'f' || !model.moved.has(k.conrelid))
  return model.snapshot.constraints
    .filter((k) => k.enabled_otherwise && comesBack(k))
    .map(
      (k) =>
        `${contypes[k.contype]} ${k.conname} of ${shown(model.name(k.conrelid))} has triggers that are disabled, or enabled for replicas: enable them first`,
    )
}
