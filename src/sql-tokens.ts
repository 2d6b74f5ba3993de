/** A piece of SQL; those of a statement are all of its text. */
export interface SqlToken {
  /** `space` is blanks. Strings are constants in any quotes, closed or not. */
  readonly kind: 'string' | 'quoted name' | 'name' | 'number' | 'comment' | 'space' | 'other'
  readonly text: string
}

/** Letters of names, as PostgreSQL's scanner has them. */
const LETTER = String.raw`[A-Za-z_\u0080-\uffff]`
const NAME = String.raw`${LETTER}(?:${LETTER}|[\d$])*`

const KINDS: readonly (readonly [SqlToken['kind'], RegExp])[] = [
  ['space', /[ \t\n\r\f\v]+/y],
  ['string', /e'(?:[^'\\]|''|\\[^])*(?:'|\\?$)/iy],
  ['string', /(?:[bnx]|u&)?'(?:[^']|'')*(?:'|$)/iy],
  ['string', new RegExp(String.raw`(\$(?:${LETTER}(?:${LETTER}|\d)*)?\$)[^]*?(?:\1|$)`, 'y')],
  ['quoted name', /(?:u&)?"(?:[^"]|"")*(?:"|$)/iy],
  ['name', new RegExp(NAME, 'y')],
  ['number', /\d[\w.]*/y],
  ['other', /\$\d+/y],
  ['comment', /--[^\n\r]*/y],
]

/**
 * Cuts SQL as PostgreSQL's scanner does, where `standard_conforming_strings` is on. Operators come a character at
 * a time.
 */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = []
  for (let at = 0; at < sql.length;) {
    const token = tokenAt(sql, at)
    tokens.push(token)
    at += token.text.length
  }
  return tokens
}

function tokenAt(sql: string, at: number): SqlToken {
  if (sql.startsWith('/*', at)) return { kind: 'comment', text: sql.slice(at, endOfComment(sql, at)) }
  for (const [kind, pattern] of KINDS) {
    pattern.lastIndex = at
    const text = pattern.exec(sql)?.[0]
    if (text !== undefined) return { kind, text }
  }
  return { kind: 'other', text: sql.slice(at, at + 1) }
}

/** Comments may stand in each other. */
function endOfComment(sql: string, start: number): number {
  const marks = /\/\*|\*\//g
  marks.lastIndex = start
  let depth = 0
  for (let mark = marks.exec(sql); mark; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1
    if (depth === 0) return marks.lastIndex
  }
  return sql.length
}
