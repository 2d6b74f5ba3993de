import { styleText } from 'node:util'
import type pg from 'pg'
import { table } from '../src/console/table.ts'

/** The heading of a step of the demo. */
export function heading(text: string): void {
  console.log(`\n${styleText('bold', `== ${text}`)}`)
}

/** A paragraph. */
export const say = (...lines: readonly string[]): void => console.log(['', ...lines].join('\n'))

/** A command as a person would type it. */
export const command = (text: string): void => console.log(`\n${styleText('bold', `$ ${text}`)}\n`)

/** Prints a query's rows as a table; figures stand to the right. */
export async function showQuery(
  db: pg.Pool,
  title: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<void> {
  const { rows, fields } = await db.query<(string | number | boolean | null)[]>({
    text: sql,
    values: [...values],
    rowMode: 'array',
  })
  show(
    title,
    fields.map((field) => field.name),
    rows.map((row) => row.map((value) => (value === null ? '' : String(value)))),
  )
}

/** Prints a table under a title. */
export function show(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const columns = headings.map((text, index) => ({
    heading: text,
    right: rows.length > 0 && rows.every((row) => /^-?[\d,.]+$/.test(row[index] ?? '')),
  }))
  const lines = rows.length > 0 ? table(columns, rows) : ['(none)']
  say(`${title}:`, ...lines.map((line) => `  ${line}`))
}
