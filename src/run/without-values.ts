import { sqlTokens } from '../sql-tokens.ts'

/**
 * The text of a statement without its constants and comments. Where a backslash may mean that a
 * quote does not end a string, all from the first quote on is left out.
 */
export function withoutValues(sql: string): string {
  const known = sql.includes('\\') ? sql.replace(/['"$][^]*$/, '...') : sql
  return sqlTokens(known)
    .map(({ kind, text }) => {
      switch (kind) {
        case 'string':
          return `${/^[bnx](?=')/i.exec(text)?.[0] ?? ''}'...'`
        case 'number':
          return '...'
        case 'comment':
          return ''
        default:
          return text
      }
    })
    .join('')
}
