import { addressKey, type Node } from '../../catalog/dependency.ts'
import { escaped } from '../../sql.ts'
import type { Model } from '../model.ts'
import { textsOf } from './texts.ts'

const WHILE_KEPT = 'it would not find them while this is a backup'

/** Said where `keptTextReasons` has found some. */
export const keptTextHint = (reasons: readonly string[]): string[] =>
  reasons.some((reason) => reason.endsWith(WHILE_KEPT))
    ? [
        'Write the function in SQL with a parsed body (RETURN …, or BEGIN ATOMIC), which follows what is renamed, or let the check, index or column do without it.',
      ]
    : []

/**
 * Backups evaluate their checks, indexes and generated columns when they are loaded from a dump, and when rows of theirs are set
 * aside: a function whose string calls another of the feature, or reads a table of it, would not find it.
 */
export const keptTextReasons = (model: Model): string[] =>
  model.snapshot.nodes
    .filter((node) => isEvaluated(model, node))
    .flatMap((node) =>
      textsOf(model, addressKey(node)).flatMap(({ name, text, parsed }) => {
        if (parsed) return []
        const names = namesIn(model, text).join(', ')
        return names === ''
          ? []
          : [`${node.description} calls function ${name}, whose text names ${names}: ${WHILE_KEPT}`]
      }),
    )

function isEvaluated(model: Model, { catalog, owner_relid, owner_attnum, relkind }: Node): boolean {
  const kept = owner_relid !== null && model.moved.has(owner_relid)
  if (relkind === 'i' || relkind === 'I') return kept
  if (catalog === 'pg_attrdef')
    return kept && model.columns(owner_relid).some((c) => c.attnum === owner_attnum && c.attgenerated !== '')
  // that of a domain, too, in whatever backup
  return catalog === 'pg_constraint' && (kept || owner_relid === null)
}

/** Functions that it calls, and tables that it reads or changes; a name alone may be a word. */
function namesIn(model: Model, text: string): string[] {
  const { snapshot } = model
  const routines = snapshot.routines.filter((r) => model.nodes.has(`pg_proc:${r.oid}:0`)).map((r) => r.proname)
  const tables = [...model.moved, ...model.views].map((oid) => model.name(oid).name)
  const calls = (name: string) => new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped(name)}"?\\s*\\(`, 'iu').test(text)
  const reads = (name: string) =>
    new RegExp(
      `\\b(?:from|join|into|update|only)\\s+(?:"?[\\p{L}\\p{N}_$]+"?\\s*\\.\\s*)?"?${escaped(name)}(?![\\p{L}\\p{N}_$])`,
      'iu',
    ).test(text)
  return [...new Set([...routines.filter(calls), ...tables.filter(reads)])]
}
