import { sqlTokens, type SqlToken } from './sql-tokens.ts'

/*
 * What people read holds names and texts that others chose. Characters that a terminal or a reader of logs obeys are shown by their
 * codes: controls, and those that turn the direction of writing.
 */

const OBEYED = /(?![\n\t]|\r\n)[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu
/** Lines that GitHub's runner takes for its own. */
const COMMAND = /^(\s*)(?=::.*::)/gm

const hex = (character: string, digits: number) => character.charCodeAt(0).toString(16).padStart(digits, '0')
const shownAs = (character: string) => (character < '\u0100' ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`)

/** Lines stay lines. */
export const visible = (text: string): string => text.replaceAll(OBEYED, shownAs)

/** Of lines that others may have begun. */
export const visibleLines = (text: string): string => visible(text).replaceAll(COMMAND, '$1\\')

/** On one line. */
export const visibleLine = (text: string): string => visibleLines(text.replaceAll(/\s*\n\s*/g, ' '))

/** In a JSON text, which has escaped others already. */
export const visibleJson = (json: string): string => json.replaceAll(OBEYED, (character) => `\\u${hex(character, 4)}`)

/** A statement that means the same. */
export const visibleSql = (sql: string): string =>
  isVisible(sql) && !sql.includes('"') ? sql : sqlTokens(sql).map(visibleToken).join('')

const isVisible = (text: string) => text.search(OBEYED) < 0 && text.search(COMMAND) < 0

function visibleToken({ kind, text }: SqlToken): string {
  if (kind === 'quoted name' && (!isVisible(text) || text.includes('\n'))) {
    const unicode = /^u&/i.test(text)
    const body = unicode ? text.slice(2) : text.replaceAll('\\', '\\\\')
    return `U&${body.replaceAll(new RegExp(`${OBEYED.source}|[\\n\\t\\r]`, 'gu'), (c) => `\\${hex(c, 4)}`)}`
  }
  if (isVisible(text)) return text
  return kind === 'string' ? visibleString(text) : visibleLines(text)
}

/** Constants in E'', where characters can be written by their codes. */
function visibleString(text: string): string {
  if (/^[bnxu]/i.test(text)) return visibleLines(text)
  const written = /^e/i.test(text) ? text.slice(2, -1) : plainBody(text).replaceAll('\\', '\\\\')
  const body = written.replaceAll(OBEYED, shownAs)
  return `E'${isVisible(body) ? body : body.replaceAll('\n', '\\n')}'`
}

/** What is in single or dollar quotes, as it is in single ones. */
function plainBody(text: string): string {
  const tag = /^\$[^$]*\$/.exec(text)?.[0]
  return tag === undefined ? text.slice(1, -1) : text.slice(tag.length, -tag.length).replaceAll("'", "''")
}

/** Fields that are SQL, by name. */
const SQL = ['sql', 'locks']

/** All texts of a value, each on one line, but for statements. */
export function forPeople<T>(value: T, isSql = false): T {
  if (typeof value === 'string') return (isSql ? visibleSql(value) : visibleLine(value)) as T
  if (Array.isArray(value)) return value.map((element: unknown) => forPeople(element, isSql)) as T
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      visibleLine(key),
      forPeople<unknown>(field, isSql || SQL.includes(key)),
    ]),
  ) as T
}
