import { replayable } from '../catalog/replay.ts'
import { tgenabled, type Tgenabled, type Trigger } from '../catalog/trigger.ts'
import { hiddenName } from '../names.ts'
import { id, literal, qualified, type QualifiedName } from '../sql.ts'
import { comment } from './objects.ts'
import { FILLING, splitTriggerDefinition, standInGoes, type TriggerSwap } from './swap.ts'
import { forEachClone, whileThere } from './tree.ts'

/** A trigger of a partitioned table or of a partition, with its clones on the partitions below. */
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

/** A partition may have gone meanwhile, or lost its clone by being detached. */
const ofClone = ({ trigger, table }: TriggerFamily['clones'][number], statements: readonly string[]) =>
  whileThere(
    `select from pg_catalog.pg_trigger t where t.tgrelid = pg_catalog.to_regclass(${literal(qualified(table))})
      and t.tgname = ${literal(trigger.tgname)} and t.tgparentid <> 0`,
    statements,
  )

/** As `swapTrigger`, where partitions have clones of the trigger, each enabled in its own way. */
export function swapFamily(family: TriggerFamily, sessionUser: string, major: number): TriggerSwap | null {
  const { trigger, table, clones } = family
  const fires = [trigger, ...clones.map((c) => c.trigger)].some((t) => t.tgenabled === 'O' || t.tgenabled === 'A')
  if (!trigger.any_update || !fires) return null
  const on = qualified(table)
  const name = id(trigger.tgname)
  const aside = hiddenName(trigger.tgname)
  const { head, when, execute } = splitTriggerDefinition(trigger.def)
  const others = `session_user <> ${literal(sessionUser)} or pg_catalog.current_setting(${literal(FILLING)}, true) is distinct from 'on'`
  const standIn = `${head} when (${when === null ? others : `(${others}) and ${when}`}) ${execute}`
  const drop = `drop trigger ${name} on ${on}`
  // a partition's own trigger goes with the partition
  const there = (...statements: string[]) =>
    whileThere(`select where pg_catalog.to_regclass(${literal(on)}) is not null`, statements)
  // from 15 on clones are renamed with it
  const rename = (from: string, to: string) =>
    major >= 15
      ? `alter trigger ${id(from)} on ${on} rename to ${id(to)}`
      : forEachClone(table, from, (of, clone) => `alter trigger ${clone} on ${of} rename to ${id(to)}`)
  if (trigger.constraint)
    return {
      away: there(drop, standIn, ...familyState(family)),
      back: [
        standInGoes(on, trigger.tgname, {
          first: [drop, replayable(trigger.def)],
          then: familyComments(family),
          otherwise: [],
        }),
      ],
    }
  return {
    away: there(
      rename(trigger.tgname, aside),
      forEachClone(table, aside, (of, clone) => setEnabled(of, 'D', clone)),
      standIn,
      ...familyState(family),
    ),
    back: [
      standInGoes(on, trigger.tgname, {
        first: [drop, rename(aside, trigger.tgname)],
        then: [],
        otherwise: there(`drop trigger if exists ${id(aside)} on ${on}`),
      }),
    ],
  }
}
