import { shown, type Model } from '../model.ts'

/** A trigger of a host table that stays although its function or arguments name something that goes. */
export interface KeptTrigger {
  readonly table: string
  readonly name: string
  readonly function: string
  readonly mentions: readonly string[]
}

/** What leaves under a name that a text may mention, columns apart. */
export const leavingNames = (model: Model): string[] => [
  ...[...model.moved, ...model.views].map((oid) => model.name(oid).name),
  ...model.snapshot.routines.filter((r) => model.nodes.has(`pg_proc:${r.oid}:0`)).map((r) => r.proname),
  ...model.snapshot.types.filter((t) => model.nodes.has(`pg_type:${t.oid}:0`)).map((t) => t.typname),
  ...model.snapshot.declared.flatMap((d) => (d.field === 'sequences' ? [d.name] : [])),
]

/**
 * Triggers that would make writes to a table that stays fail: PostgreSQL lets a
 * column, and what a function's text names, go. A host's own columns count by their
 * name alone, those of other tables beside the table's.
 */
export function keptTriggers(model: Model): KeptTrigger[] {
  return [...ofHosts(model), ...ofOtherTables(model)]
}

function ofHosts(model: Model): KeptTrigger[] {
  const leaving = leavingNames(model)
  return model.snapshot.triggers.flatMap((trigger) => {
    const host = trigger.tgrelid
    if (!model.isHost(host) || trigger.cloned || model.nodes.has(`pg_trigger:${trigger.oid}:0`)) return []
    const table = model.name(host)
    if (model.perTable(model.feature.acknowledge?.triggers, table)?.includes(trigger.tgname)) return []
    const has = (name: string) => hasWord(`${trigger.prosrc}\n${trigger.args}`, name)
    const columns = (model.gone.get(host) ?? []).map((c) => c.attname)
    const mentions = [...[...columns, ...leaving].filter(has), ...columnsOfOthers(model, has, host)]
    return mentions.length > 0
      ? [
          {
            table: model.spell(table),
            name: trigger.tgname,
            function: trigger.function,
            mentions: [...new Set(mentions)],
          },
        ]
      : []
  })
}

/** Of any other table that stays, as the text of their function tells. */
function ofOtherTables(model: Model): KeptTrigger[] {
  const leaving = leavingNames(model)
  const known = new Set([...model.gone.keys(), ...model.moved, ...model.views].map((oid) => shown(model.name(oid))))
  return model.snapshot.mentions.flatMap(({ objid, signature, names, triggers }) => {
    if (model.nodes.has(`pg_proc:${objid}:0`)) return []
    const has = (name: string) => names.includes(name)
    const mentions = [...leaving.filter(has), ...columnsOfOthers(model, has)]
    if (mentions.length === 0) return []
    return triggers.flatMap(({ oid, schema, table, name }) => {
      const of = { schema, name: table }
      if (model.nodes.has(`pg_trigger:${oid}:0`) || known.has(shown(of))) return []
      if (model.perTable(model.feature.acknowledge?.triggers, of)?.includes(name)) return []
      return [{ table: model.spell(of), name, function: signature, mentions: [...new Set(mentions)] }]
    })
  })
}

const columnsOfOthers = (model: Model, has: (name: string) => boolean, except?: string): string[] =>
  [...model.gone]
    .filter(([oid]) => oid !== except && has(model.name(oid).name))
    .flatMap(([, columns]) => columns.map((c) => c.attname).filter(has))

/** Whether a text has a word; one that needs no quotes may be written in capitals. */
export function hasWord(text: string, word: string): boolean {
  if (word === word.toLowerCase()) return hasExactly(text.toLowerCase(), word)
  return hasExactly(text, word)
}

function hasExactly(text: string, word: string): boolean {
  const part = /[\p{L}\p{N}_$]/u
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = text.charAt(at - 1)
    const after = text.charAt(at + word.length)
    if (!part.test(before) && !part.test(after)) return true
  }
  return false
}
