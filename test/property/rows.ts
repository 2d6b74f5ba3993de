import { id } from '../../src/sql.ts'
import { at } from './choice.ts'
import type { RenderedColumn, RenderedTable } from './render.ts'

/** The INSERT of one row: `choices` give the values, each with NULL where it may be; `fixed` columns get their first value. */
export function insertRow(
  table: RenderedTable,
  row: number,
  choices: readonly number[],
  columns: readonly RenderedColumn[],
  fixed: readonly RenderedColumn[] = [],
): string {
  const given = columns.filter((c) => c.role === 'key' || (c.role === 'value' && !c.automatic))
  const keys = table.keyValues(row)
  const values = given.map((c, i) => {
    if (c.role === 'key') return at(keys, table.key.indexOf(c))
    return valueOf(c, choices[i % choices.length] ?? 0)
  })
  const names = [...given, ...fixed].map((c) => id(c.name))
  if (names.length === 0) return `insert into ${table.sql} default values`
  const all = [...values, ...fixed.map((c) => c.value(0))]
  return `insert into ${table.sql} (${names.join(', ')}) overriding system value values (${all.join(', ')}) on conflict do nothing`
}

export function valueOf(column: RenderedColumn, choice: number): string {
  const count = column.type.literals.length
  return choice % (count + 1) === count && !column.notNull ? 'null' : column.value(choice)
}
