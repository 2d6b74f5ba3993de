/** Strings, dollar quotes, quoted names, names, numbers, and what is none of these. */
const TOKEN =
  /(?:\b[EBXNU]&?)?'(?:[^']|'')*(?:'|$)|(\$[A-Za-z_]*\$)[^]*?(?:\1|$)|"(?:[^"]|"")*(?:"|$)|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$\d+|\d[\w.]*|--[^\n]*|\/\*[^]*?(?:\*\/|$)|[^]/g

/**
 * The text of a statement without its constants and comments. Where a backslash may mean that a
 * quote does not end a string, all from the first quote on is left out.
 */
export function withoutValues(sql: string): string {
  const known = sql.includes('\\') ? sql.replace(/['"$][^]*$/, '...') : sql
  return known.replaceAll(TOKEN, (token) => {
    if (/^(?:[EBXNU]&?)?'|^\$[A-Za-z_]*\$/.test(token)) return "'...'"
    if (/^\d/.test(token)) return '...'
    if (/^(--|\/\*)/.test(token) && token.length > 1) return ''
    return token
  })
}
