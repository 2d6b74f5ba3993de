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
  withoutUrlPasswords(text).replaceAll(/(\bpassword\s*=?\s*)(E?'(?:[^']|'')*')/gi, "$1'***'")

/** Passwords in a statement of others: constants after the word, wherever quotes begin and end. */
export function statementWithoutPasswords(sql: string): string {
  let after = false
  return sqlTokens(sql)
    .map(({ kind, text }) => {
      const secret = after && kind === 'string'
      if (isWord(kind)) after = /password"?$/i.test(text)
      else if (!['space', 'comment'].includes(kind) && text !== '=') after = false
      if (secret) return "'***'"
      return kind === 'comment' ? withoutPasswords(text) : withoutUrlPasswords(text)
    })
    .join('')
}

const isWord = (kind: SqlToken['kind']) => kind === 'name' || kind === 'quoted name'
