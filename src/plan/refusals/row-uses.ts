/*
 * What in the text of a definition, as PostgreSQL prints it, goes by the places of a table's columns.
 */

/** An identifier, as it is printed. */
export const NAME = '(?:"(?:[^"]|"")*"|[a-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)'

/** The text without what its constants hold, which is no SQL. */
export const withoutConstants = (text: string): string =>
  text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, (quoted) => (quoted.startsWith("'") ? "''" : quoted))

/** Parentheses in quoted names stand for nothing. */
const hidden = (code: string) =>
  code.replace(/"(?:[^"]|"")*"/g, (name) => name.replaceAll('(', '\u0001').replaceAll(')', '\u0002'))
const shown = (code: string) => code.replaceAll('\u0001', '(').replaceAll('\u0002', ')')

/** How rows of a table (a pattern of its name) are made or compared column by column, or null. NULL::table goes by names. */
export function usesRows(code: string, table: string): string | null {
  if (new RegExp(`(?<!\\bNULL)::${table}(?:\\[\\])*(?![\\w$."])`).test(code)) return 'makes rows of % column by column'
  if (!new RegExp(table).test(code)) return null
  // a whole row is printed so; what stands for columns is not
  return code.includes('.*') && /\bROW\(/.test(code) ? 'compares rows of % with others column by column' : null
}

/** `(a LEFT JOIN b ON …) j(x, y)`: whether a join of a table (a pattern of its name) with others has its columns named. */
export function namesJoined(code: string, table: string): boolean {
  const plain = hidden(code)
  return [...plain.matchAll(new RegExp(`\\)(?: AS)? ${NAME}\\(`, 'gi'))].some(({ index }) => {
    const joined = withoutSubqueries(plain.slice(openingOf(plain, index), index + 1))
    return joined.includes(' JOIN ') && new RegExp(table).test(shown(joined))
  })
}

const SUBQUERY = /\(\s*(?:SELECT|VALUES|WITH)\b/

/** What subqueries give has names of its own, whatever the order of the columns that they read. */
function withoutSubqueries(code: string): string {
  for (;;) {
    const from = code.search(SUBQUERY)
    if (from < 0) return code
    code = code.slice(0, from) + code.slice(closingOf(code, from) + 1)
  }
}

/** Where the parenthesis opens that closes here. */
function openingOf(code: string, closing: number): number {
  let depth = 0
  for (let at = closing; at >= 0; at--) {
    depth += sign(code[at])
    if (depth === 0) return at
  }
  return 0
}

/** Where the parenthesis closes that opens here. */
function closingOf(code: string, opening: number): number {
  let depth = 0
  for (let at = opening; at < code.length; at++) {
    depth += sign(code[at])
    if (depth === 0) return at
  }
  return code.length
}

const sign = (character: string | undefined) => (character === '(' ? 1 : character === ')' ? -1 : 0)
