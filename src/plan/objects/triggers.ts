import { replayable } from '../../catalog/replay.ts'
import type { Trigger } from '../../catalog/trigger.ts'
import { id, qualified } from '../../sql.ts'
import type { Model } from '../model.ts'
import type { Recreated } from './objects.ts'
import {
  constraintComments,
  familyComments,
  familyState,
  renameConstraints,
  triggerFamilies,
} from './trigger-family.ts'

/** A trigger that is dropped and created again; one of a partitioned table with its clones. */
export function recreatedTrigger(model: Model, trigger: Trigger): Recreated {
  const table = qualified(model.name(trigger.tgrelid))
  const name = id(trigger.tgname)
  const ofTree = (oid: string) => (oid === trigger.tgrelid || model.isHost(oid) ? model.name(oid) : null)
  const family = triggerFamilies(model.snapshot.triggers, ofTree).find((f) => f.trigger === trigger)
  return {
    key: `pg_trigger:${trigger.oid}:0`,
    kind: 'trigger',
    identity: `${name} on ${table}`,
    drop: [`drop trigger ${name} on ${table}`],
    create: [
      replayable(trigger.def),
      ...[familyState, familyComments, renameConstraints, constraintComments].flatMap((part) =>
        family ? part(family) : [],
      ),
    ],
    validate: null,
  }
}
