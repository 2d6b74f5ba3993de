import { replayable } from '../catalog/replay.ts'
import { tgenabled, type Trigger } from '../catalog/trigger.ts'
import { id, qualified } from '../sql.ts'
import type { Model } from './model.ts'
import { comment, type Recreated } from './objects.ts'
import { familyComments, familyState, triggerFamilies } from './trigger-family.ts'

/** A trigger that is dropped and created again; one of a partitioned table with its clones. */
export function recreatedTrigger(model: Model, trigger: Trigger): Recreated {
  const table = qualified(model.name(trigger.tgrelid))
  const name = id(trigger.tgname)
  const family = triggerFamilies(model.snapshot.triggers, (oid) => (model.isHost(oid) ? model.name(oid) : null)).find(
    (f) => f.trigger === trigger && f.clones.length > 0,
  )
  return {
    key: `pg_trigger:${trigger.oid}:0`,
    kind: 'trigger',
    identity: `${name} on ${table}`,
    drop: [`drop trigger ${name} on ${table}`],
    create: [
      replayable(trigger.def),
      ...(family
        ? [...familyState(family), ...familyComments(family)]
        : [
            ...(trigger.tgenabled === 'O'
              ? []
              : [`alter table ${table} ${tgenabled[trigger.tgenabled]} trigger ${name}`]),
            ...comment(`trigger ${name} on ${table}`, trigger.description),
          ]),
    ],
    validate: null,
  }
}
