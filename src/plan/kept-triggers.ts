import type { Model } from './model.ts'

/** A trigger of a host table that stays although its function or arguments name something that goes. */
export interface KeptTrigger {
  readonly table: string
  readonly name: string
  readonly function: string
  readonly mentions: readonly string[]
}

/**
 * Triggers that would make writes to a host table fail: PostgreSQL lets a
 * column go that only a trigger's text names.
 */
export function keptTriggers(model: Model): KeptTrigger[] {
  const leaving = [
    ...[...model.moved, ...model.views].map((oid) => model.name(oid).name),
    ...model.snapshot.routines.map((r) => r.proname),
  ]
  return model.snapshot.triggers.flatMap((trigger) => {
    const host = trigger.tgrelid
    if (!model.isHost(host) || trigger.cloned || model.nodes.has(`pg_trigger:${trigger.oid}:0`)) return []
    const table = model.name(host)
    if (model.perTable(model.feature.acknowledge?.triggers, table)?.includes(trigger.tgname)) return []
    const columns = (model.gone.get(host) ?? []).map((c) => c.attname)
    const mentions = [...columns, ...leaving].filter((name) => hasWord(`${trigger.prosrc}\n${trigger.args}`, name))
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

export function hasWord(text: string, word: string): boolean {
  const part = /[\p{L}\p{N}_$]/u
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = text.charAt(at - 1)
    const after = text.charAt(at + word.length)
    if (!part.test(before) && !part.test(after)) return true
  }
  return false
}
