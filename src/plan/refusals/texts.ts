import type { Text } from '../../catalog/texts.ts'
import { asPrinted } from '../../sql.ts'
import { hasWord } from './kept-triggers.ts'
import { shown, type Model } from '../model.ts'
import { isMovedRoutine } from '../objects/moved.ts'
import { takesMovedRows } from '../data/moved-rows.ts'
import { NAME, withoutConstants } from './row-uses.ts'

/*
 * What a parsed definition speaks of is found under whatever name it has for the time being. What a string names is found only
 * under its own, and until the reveal a table of the feature has another.
 */

/** The texts that evaluating a definition runs. */
export const textsOf = (model: Model, key: string): Text[] => model.snapshot.texts.filter((text) => text.of === key)

/** What of the feature a string names that is not there under its name before the reveal; a column beside its table. */
export function namesAbsent(model: Model, { text, parsed }: Text): string[] {
  if (parsed) return []
  const has = (name: string) => hasWord(text, name)
  const columns = [...model.gone].flatMap(([oid, gone]) => {
    const table = model.name(oid)
    return has(table.name) ? gone.filter((c) => has(c.attname)).map((c) => `${shown(table)}.${c.attname}`) : []
  })
  return [...new Set([...absentNames(model).filter(has), ...columns])]
}

/** Types, sequences of removed columns, and functions that are renamed come back before. */
const absentNames = (model: Model): string[] => [
  ...[...model.moved, ...model.views].map((oid) => model.name(oid).name),
  ...model.snapshot.sequences
    .filter((s) => s.owner_relid !== null && model.moved.has(s.owner_relid))
    .map((s) => model.name(s.seqrelid).name),
  ...model.snapshot.routines
    .filter((r) => model.nodes.has(`pg_proc:${r.oid}:0`))
    .filter((r) => !isMovedRoutine(model, r) || takesMovedRows(model, r.oid))
    .map((r) => r.proname),
]

/** What shows how things are called, or takes a query or a name from a string. */
const SPEAKS_OF_NAMES =
  /\b(?:tableoid|(?:to_)?reg(?:class|type|proc|procedure|oper|operator)|pg_(?!catalog\b)\w+|information_schema|has_\w+_privilege|(?:obj|col|shobj)_description|format_type|row_security_active|currval|\w+_to_xml\w*|ts_stat|ts_rewrite)\b/i

/** Whether what it gives may be names, or what it finds by them. */
export const speaksOfNames = ({ text, parsed, identifiers }: Text): boolean =>
  identifiers || SPEAKS_OF_NAMES.test(parsed ? withoutConstants(text) : text)

/** Whether a parsed text takes whole rows of a host table, whose fields have names, or joins by the name of a removed column. */
export function goesByColumnNames(model: Model, { text, parsed }: Text): boolean {
  if (!parsed) return false
  const code = withoutConstants(text)
  return [...model.gone].some(
    ([oid, columns]) =>
      (code.includes('.*') && hasWord(code, model.name(oid).name)) ||
      columns.some((c) => new RegExp(` USING \\((?:${NAME}, )*${asPrinted(c.attname)}[,)]`).test(code)),
  )
}
