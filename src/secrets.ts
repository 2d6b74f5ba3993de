import { sqlTokens, type SqlToken } from './sql-tokens.ts'

/*
 * Takes passwords out of what others wrote, where it enters a message or report of ours. What we write (plans, definitions, names
 * that a hint speaks of) is left as it is: a statement may speak of passwords.
 */

/** Passwords of URLs. */
export const withoutUrlPasswords = (text: string): string =>
  text
    .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@'"]*):(?!password@)[^\s'"]*@/gi, '$1:***@')
    .replaceAll(/([?&]password=)[^&\s'"]+/gi, '$1***')

/** Passwords in a message of others, as a driver's or a loader's. */
export const withoutPasswords = (text: string): string =>
  withoutConninfoPasswords(withoutUrlPasswords(text), isConninfo(text)).replaceAll(QUOTED, "$1'***'")

/** A constant of SQL after the word; within another constant its quotes are doubled. */
const QUOTED = /(\bpassword\s*=?\s*)(?:E?''(?=\w)[^']*''|E'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*')/gi

/** How libpq and what is like it spell where to connect. A password that stands alone may be spelt so, too. */
const isConninfo = (text: string): boolean => /\b(?:host|hostaddr|port|dbname|sslmode)\s*=/i.test(text)

/** In quotes, which a constant of SQL doubles or escapes, and in which a backslash escapes; or up to a blank, but for marks of the text around. */
const VALUE = [
  String.raw`\\'(?:[^'\\]|\\[^'])*\\'`,
  String.raw`''(?=[^\s'])(?:[^'\\]|\\[^])*''`,
  String.raw`E?'(?:[^'\\]|\\[^]|'')*(?:'|$)`,
  String.raw`(?:\\[^]|[^\s\\])+?(?=['")\]},;]*(?:\s|$))`,
].join('|')
const CLOSE = new RegExp(String.raw`(?<![?&])(password=)(?:${VALUE})`, 'gi')
const LOOSE = new RegExp(String.raw`(?<![?&])(password\s*=\s*)(?:${VALUE})`, 'gi')

/** `password=secret`; with blanks around the sign only where it is said to be a connection string, for code may say that, too. */
const withoutConninfoPasswords = (text: string, loose: boolean): string =>
  text.replaceAll(loose ? LOOSE : CLOSE, '$1***')

/** Passwords in a statement of others: constants after the word, wherever quotes begin and end, and those in connection strings. */
export function statementWithoutPasswords(sql: string): string {
  let after = false
  return sqlTokens(sql)
    .map(({ kind, text }) => {
      const secret = after && kind === 'string'
      if (isWord(kind)) after = /password"?$/i.test(text)
      else if (!['space', 'comment'].includes(kind) && text !== '=') after = false
      if (secret) return "'***'"
      if (kind === 'string') return stringWithoutPasswords(text)
      return kind === 'comment' ? withoutPasswords(text) : withoutUrlPasswords(text)
    })
    .join('')
}

/** Of a constant; what stands in dollar quotes may be the statements of a function. */
function stringWithoutPasswords(text: string): string {
  const [, open = '', inner = '', close = ''] = /^(\$[^$]*\$|[^']*')([^]*?)(\1|'|)$/.exec(text) ?? []
  const shown = withoutUrlPasswords(inner)
  if (/^\s*\w+\s*=/.test(shown)) return `${open}${withoutConninfoPasswords(shown, true)}${close}`
  if (open.startsWith('$')) return `${open}${statementWithoutPasswords(inner)}${close}`
  return `${open}${isConninfo(shown) ? withoutConninfoPasswords(shown, true) : shown}${close}`
}

const isWord = (kind: SqlToken['kind']) => kind === 'name' || kind === 'quoted name'
