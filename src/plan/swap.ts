import type { Trigger } from '../catalog/trigger.ts'
import { tgenabled } from '../catalog/trigger.ts'
import { replayable } from '../catalog/replay.ts'
import { hiddenName } from '../names.ts'
import { dollarQuote, id, literal, qualified, type QualifiedName } from '../sql.ts'

/** Set to `on` in our session while it fills. */
export const FILLING = 'unship.filling'

/** A host table's trigger, replaced while we fill by one that passes over our session alone. */
export interface TriggerSwap {
  readonly away: readonly string[]
  readonly back: readonly string[]
}

/**
 * Filling is an UPDATE that the application did not make: its triggers must not fire for
 * it (an `updated_at` would change), and must go on firing for everybody else.
 * The original is renamed and disabled, hence comes back as it was; a copy under
 * its name, with a WHEN of ours in front, stands in. (A constraint trigger is dropped
 * and created again.) This locks the table twice in all, where disabling it for each
 * batch would lock writers out each time.
 */
export function swapTrigger(trigger: Trigger, table: QualifiedName, sessionUser: string): TriggerSwap | null {
  const fires = trigger.any_update && (trigger.tgenabled === 'O' || trigger.tgenabled === 'A')
  if (!fires) return null
  const on = qualified(table)
  const name = id(trigger.tgname)
  const aside = id(hiddenName(trigger.tgname))
  const { head, when, execute } = splitTriggerDefinition(trigger.def)
  const others = `session_user <> ${literal(sessionUser)} or pg_catalog.current_setting(${literal(FILLING)}, true) is distinct from 'on'`
  const condition = when === null ? others : `(${others}) and ${when}`
  const enable = (which: string) => `alter table ${on} ${tgenabled[trigger.tgenabled]} trigger ${which}`
  // a constraint trigger keeps its name taken as a constraint's, however the trigger is renamed
  if (trigger.constraint)
    return {
      away: [
        `drop trigger ${name} on ${on}`,
        `${head} when (${condition}) ${execute}`,
        ...(trigger.tgenabled === 'A' ? [enable(name)] : []),
      ],
      back: [
        standInGoes(on, trigger.tgname, {
          first: [`drop trigger ${name} on ${on}`, replayable(trigger.def)],
          then:
            trigger.description === null
              ? []
              : [`comment on trigger ${name} on ${on} is ${literal(trigger.description)}`],
          otherwise: [],
        }),
      ],
    }
  return {
    away: [
      `alter trigger ${name} on ${on} rename to ${aside}`,
      `alter table ${on} disable trigger ${aside}`,
      `${head} when (${condition}) ${execute}`,
      ...(trigger.tgenabled === 'A' ? [enable(name)] : []),
    ],
    back: [
      standInGoes(on, trigger.tgname, {
        first: [`drop trigger ${name} on ${on}`, `alter trigger ${aside} on ${on} rename to ${name}`],
        then: [],
        otherwise: [`drop trigger if exists ${aside} on ${on}`],
      }),
    ],
  }
}

/** SQL: a stand-in of ours bears the name. Who replaces a trigger replaces its stand-in, and has a trigger without our WHEN. */
const isStandIn = (on: string, trigger: string): string =>
  `select from pg_catalog.pg_trigger t where t.tgrelid = pg_catalog.to_regclass(${literal(on)}) and t.tgname = ${literal(trigger)}
    and pg_catalog.pg_get_triggerdef(t.oid) ~ ${literal(FILLING.replace('.', '[.]'))}`

/** SQL: a trigger with its clones on partitions, as `relid`, `tgname`, `tgenabled`. */
const family = (on: string, trigger: string): string => `
    with recursive family(oid) as (
      select t.oid from pg_catalog.pg_trigger t where t.tgrelid = pg_catalog.to_regclass(${literal(on)}) and t.tgname = ${literal(trigger)}
      union all
      select t.oid from family f join pg_catalog.pg_trigger t on t.tgparentid = f.oid)
    select t.tgrelid::pg_catalog.regclass as relid, t.tgname, t.tgenabled from family f join pg_catalog.pg_trigger t on t.oid = f.oid`

/**
 * The stand-in goes, and the trigger is enabled or disabled as that was by then, on each partition. Where somebody dropped or
 * replaced it, the trigger is gone too.
 */
export const standInGoes = (
  on: string,
  trigger: string,
  { first, then, otherwise }: Readonly<Record<'first' | 'then' | 'otherwise', readonly string[]>>,
): string =>
  `do ${dollarQuote(
    `
declare
  states jsonb;
  member record;
begin
  if exists (${isStandIn(on, trigger)}) then
    states := (select pg_catalog.jsonb_object_agg(f.relid::pg_catalog.oid::text, f.tgenabled) from (${family(on, trigger)}) f);
${executed(first)}
    for member in ${family(on, trigger)} loop
      execute pg_catalog.format('alter table only %s %s trigger %I', member.relid,
        case states ->> member.relid::pg_catalog.oid::text when 'D' then 'disable' when 'R' then 'enable replica' when 'A' then 'enable always' else 'enable' end,
        member.tgname);
    end loop;
${executed(then)}
  else
${executed(otherwise)}
  end if;
end`,
    'back',
  )}`

const executed = (statements: readonly string[]): string =>
  statements.length === 0 ? '    null;' : statements.map((sql) => `    execute ${dollarQuote(sql, 'sql')};`).join('\n')

/** Cuts `pg_get_triggerdef`'s text before WHEN and EXECUTE; what stands in quotes or parentheses is passed over. */
export function splitTriggerDefinition(definition: string): { head: string; when: string | null; execute: string } {
  const whenAt = topLevel(definition, ' WHEN (')
  const executeAt = topLevel(definition, ' EXECUTE ')
  if (executeAt < 0) throw new Error(`not a trigger definition: ${definition}`)
  return {
    head: definition.slice(0, whenAt < 0 ? executeAt : whenAt),
    when: whenAt < 0 ? null : definition.slice(whenAt + ' WHEN '.length, executeAt),
    execute: definition.slice(executeAt + 1),
  }
}

function topLevel(text: string, word: string): number {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (depth === 0 && text.startsWith(word, i)) return i
    if (char === '"' || char === "'") {
      const escapes = char === "'" && /E$/i.test(text.slice(0, i))
      for (i++; i < text.length && text.charAt(i) !== char; i++) if (escapes && text.charAt(i) === '\\') i++
    } else if (char === '(') depth++
    else if (char === ')') depth--
  }
  return -1
}
