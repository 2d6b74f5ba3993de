import type { Oid } from '../../catalog/fragments.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { hiddenName } from '../../names.ts'
import { dollarQuote, id, literal, qualified } from '../../sql.ts'
import { familyComments, familyState, renameConstraints, type TriggerFamily } from './trigger-family.ts'
import { familyQuery, forEachClone, whileThere } from '../tree.ts'

/** Set to `on` in our session while it fills. */
export const FILLING = 'unship.filling'

/** A host table's trigger, replaced while we fill by one that passes over our session alone. */
export interface TriggerSwap {
  readonly away: readonly string[]
  readonly back: readonly string[]
  /** Where the stand-in is when it has been made; runs of earlier versions do not say. */
  readonly made?: { readonly trigger: Oid; readonly on: string; readonly name: string }
}

/** The event that tells which stand-ins were made: whoever may make triggers can make one with their mark. */
export const STAND_INS_MADE = 'stand-ins made'

const LEDGER_NOW = `${literal(LEDGER_SCHEMA)}::pg_catalog.regnamespace::pg_catalog.oid::text`

/** SQL: its detail, in the transaction that makes them. A dump gives them other identifiers, and the ledger's schema another, too. */
export const standInsMade = (swaps: readonly TriggerSwap[]): string => {
  const made = swaps.flatMap((s) => s.made ?? [])
  const values = made.map(({ trigger, on, name }) => `(${literal(trigger)}, ${literal(on)}, ${literal(name)})`)
  return `pg_catalog.jsonb_build_object('ledger', ${LEDGER_NOW}, 'made', (
    select pg_catalog.jsonb_object_agg(m.trigger, t.oid::text) from (values ${values.join(', ')}) m(trigger, relation, name)
    join pg_catalog.pg_trigger t on t.tgrelid = pg_catalog.to_regclass(m.relation) and t.tgname = m.name))`
}

/**
 * Filling is an UPDATE that the application did not make: its triggers must not fire for
 * it (an `updated_at` would change), and must go on firing for everybody else.
 * The original is renamed and disabled, hence comes back as it was; a copy under
 * its name, with a WHEN of ours in front, stands in. This locks the table twice in all, where
 * disabling it for each batch would lock writers out each time.
 *
 * @param owner of the table: only sessions of roles that may act as this one are passed over
 */
export function swapTrigger(family: TriggerFamily, owner: string, major: number): TriggerSwap | null {
  const { trigger, table, clones } = family
  // ENABLE REPLICA, too: the session may be one of a replica's
  const fires = [family, ...clones].some(({ trigger: { tgenabled: state } }) => state !== 'D')
  if (!trigger.any_update || !fires) return null
  const on = qualified(table)
  const aside = hiddenName(trigger.tgname)
  const mark = literal(`${FILLING} ${trigger.oid}`)
  // the setting first: other sessions are asked nothing else
  const others = `pg_catalog.current_setting(${literal(FILLING)}, true) is distinct from 'on' or not pg_catalog.pg_has_role(session_user, ${literal(owner)}, 'MEMBER') or ${mark}::pg_catalog.text is null`
  const { head, when, execute } = splitTriggerDefinition(trigger.def)
  // a partition's own trigger goes with the partition
  const there = (...statements: string[]) =>
    whileThere(`select where pg_catalog.to_regclass(${literal(on)}) is not null`, statements)
  const away = [
    // from 15 on clones are renamed with it
    major >= 15
      ? `alter trigger ${id(trigger.tgname)} on ${on} rename to ${id(aside)}`
      : forEachClone(table, trigger.tgname, (of, clone) => `alter trigger ${clone} on ${of} rename to ${id(aside)}`),
    ...(trigger.constraint === null
      ? []
      : [
          forEachClone(
            table,
            aside,
            (of, _, constraint) => `alter table only ${of} rename constraint ${constraint} to ${id(aside)}`,
          ),
        ]),
    forEachClone(table, aside, (of, clone) => `alter table only ${of} disable trigger ${clone}`),
    `${head} when (${when === null ? others : `(${others}) and ${when}`}) ${execute}`,
    ...familyState(family),
    ...familyComments(family),
    ...renameConstraints(family),
  ]
  return {
    made: { trigger: trigger.oid, on, name: trigger.tgname },
    away: there(...away),
    back: [standInGoes(family, mark, { aside, otherwise: there(`drop trigger if exists ${id(aside)} on ${on}`) })],
  }
}

const RENAMES = `execute pg_catalog.format('alter trigger %I on %s rename to %I'`

/** From PostgreSQL 15 on clones are renamed with their trigger, and not without it: the server may have been upgraded since the plan. */
const BY_ITSELF = `t.tgparentid = 0 or pg_catalog.current_setting('server_version_num')::int < 150000`

/** What takes stand-ins away. Ledgers of earlier versions rename each clone where the restore began before PostgreSQL 15. */
export const standInsGo = (swaps: readonly TriggerSwap[] = []): string[] =>
  swaps
    .flatMap((s) => s.back)
    .map((sql) => sql.replace(`t.tgconstraint loop ${RENAMES}`, `t.tgconstraint where ${BY_ITSELF} loop ${RENAMES}`))

/**
 * The stand-in goes, and the trigger is called, commented, enabled or disabled as that was by then, on each partition. Where
 * somebody dropped or replaced it, the trigger is gone too. A stand-in is known by its identifier and its WHEN, whatever its name
 * has become.
 */
function standInGoes(
  { trigger, table }: TriggerFamily,
  mark: string,
  { aside, otherwise }: { aside: string; otherwise: readonly string[] },
): string {
  const on = qualified(table)
  const named = (name: string) => familyQuery(table, name)
  return `do ${dollarQuote(
    `
declare
  stand_in pg_catalog.name;
  states pg_catalog.jsonb;
  state pg_catalog.jsonb;
  member record;
begin
  stand_in := (
    /* apart, and by CASE: else all that were made are read, and all of the table's triggers printed, for each of these */
    with made as materialized (
      select e.detail -> 'made' ->> ${literal(trigger.oid)} as trigger, e.detail ->> 'ledger' = ${LEDGER_NOW} as here
      from ${LEDGER_SCHEMA}.events e where e.event = ${literal(STAND_INS_MADE)} and e.detail -> 'made' ? ${literal(trigger.oid)}
      order by e.id desc limit 1)
    select t.tgname from pg_catalog.pg_trigger t left join made m on true
    where t.tgrelid = pg_catalog.to_regclass(${literal(on)}) and not t.tgisinternal
      and case when t.oid::text = m.trigger or m.here is not true
        then pg_catalog.strpos(pg_catalog.pg_get_triggerdef(t.oid), ${literal(mark)}) > 0 end
    order by t.oid limit 1);
  if stand_in is not null then
    states := (select pg_catalog.jsonb_object_agg(f.relid::pg_catalog.oid::text, pg_catalog.to_jsonb(f)) from (${named('stand_in')}) f);
    execute pg_catalog.format('drop trigger %I on %s', stand_in, ${literal(on)});
    for member in ${named(literal(aside))} and (${BY_ITSELF}) loop ${RENAMES}, ${literal(aside)}, member.relid, stand_in); end loop;
    for member in ${named('stand_in')} loop
      state := states -> member.relid::pg_catalog.oid::text;
      execute pg_catalog.format('alter table only %s %s trigger %I', member.relid,
        case state ->> 'tgenabled' when 'D' then 'disable' when 'R' then 'enable replica' when 'A' then 'enable always' else 'enable' end,
        member.tgname);
      execute pg_catalog.format('comment on trigger %I on %s is %L', member.tgname, member.relid, state ->> 'comment');${
        trigger.constraint === null
          ? ''
          : `
      execute pg_catalog.format('alter table only %s rename constraint %I to %I', member.relid, member.conname, state ->> 'conname');`
      }
    end loop;
  else
${otherwise.map((sql) => `    execute ${dollarQuote(sql, 'sql')};`).join('\n')}
  end if;
end`,
    'back',
  )}`
}

/** Cuts `pg_get_triggerdef`'s text before WHEN and EXECUTE; what stands in quotes or parentheses is passed over. */
function splitTriggerDefinition(definition: string): { head: string; when: string | null; execute: string } {
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
