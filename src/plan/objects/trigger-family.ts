import { tgenabled, type Tgenabled, type Trigger } from '../../catalog/trigger.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { comment } from './objects.ts'
import { forEachClone, whileThere } from '../tree.ts'

/** A trigger of a table or of a partition, with its clones on the partitions below. */
export interface TriggerFamily {
  readonly trigger: Trigger
  readonly table: QualifiedName
  readonly clones: readonly { readonly trigger: Trigger; readonly table: QualifiedName }[]
}

/**
 * The triggers of a tree of tables, each with its clones.
 *
 * @param name the name of a table, null where it is not of the tree
 */
export function triggerFamilies(
  triggers: readonly Trigger[],
  name: (oid: string) => QualifiedName | null,
): TriggerFamily[] {
  const named = triggers.flatMap((trigger) => {
    const table = name(trigger.tgrelid)
    return table ? [{ trigger, table }] : []
  })
  const below = (oid: string): TriggerFamily['clones'] =>
    named.filter((n) => n.trigger.tgparentid === oid).flatMap((n) => [n, ...below(n.trigger.oid)])
  return named
    .filter((n) => !n.trigger.cloned)
    .map(({ trigger, table }) => ({ trigger, table, clones: below(trigger.oid) }))
}

const setEnabled = (on: string, state: Tgenabled, trigger: string) =>
  `alter table only ${on} ${tgenabled[state]} trigger ${trigger}`

/** Enables a trigger and its clones as they were; clones that have come since are enabled as it is. */
export function familyState({ trigger, table, clones }: TriggerFamily): string[] {
  if (clones.length === 0)
    return trigger.tgenabled === 'O' ? [] : [setEnabled(qualified(table), trigger.tgenabled, id(trigger.tgname))]
  return [
    forEachClone(table, trigger.tgname, (on, of) => setEnabled(on, trigger.tgenabled, of)),
    ...clones
      .filter((c) => c.trigger.tgenabled !== trigger.tgenabled)
      .flatMap((c) => ofClone(c, [setEnabled(qualified(c.table), c.trigger.tgenabled, id(trigger.tgname))])),
  ]
}

export const familyComments = ({ trigger, table, clones }: TriggerFamily): string[] => [
  ...comment(`trigger ${id(trigger.tgname)} on ${qualified(table)}`, trigger.description),
  ...clones.flatMap((c) =>
    ofClone(c, comment(`trigger ${id(trigger.tgname)} on ${qualified(c.table)}`, c.trigger.description)),
  ),
]

/** A trigger that was renamed has a constraint of another name; one that is created has it under its own. */
export const renameConstraints = ({ trigger, table, clones }: TriggerFamily): string[] => {
  const rename = (on: string, constraint: string | null) =>
    constraint === null || constraint === trigger.tgname
      ? []
      : [`alter table only ${on} rename constraint ${id(trigger.tgname)} to ${id(constraint)}`]
  return [
    ...rename(qualified(table), trigger.constraint),
    ...clones.flatMap((c) => ofClone(c, rename(qualified(c.table), c.trigger.constraint))),
  ]
}

export const constraintComments = ({ trigger, table, clones }: TriggerFamily): string[] => {
  const say = (on: string, { constraint, constraint_comment: text }: Trigger) =>
    constraint === null ? [] : comment(`constraint ${id(constraint)} on ${on}`, text)
  return [...say(qualified(table), trigger), ...clones.flatMap((c) => ofClone(c, say(qualified(c.table), c.trigger)))]
}

/** A partition may have gone meanwhile, or lost its clone by being detached. */
const ofClone = ({ trigger, table }: TriggerFamily['clones'][number], statements: readonly string[]) =>
  whileThere(
    `select from pg_catalog.pg_trigger t where t.tgrelid = pg_catalog.to_regclass(${literal(qualified(table))})
      and t.tgname = ${literal(trigger.tgname)} and t.tgparentid <> 0`,
    statements,
  )
