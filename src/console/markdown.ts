import { visible, visibleLine } from '../visible.ts'

/*
 * Pieces of Markdown, as GitHub renders it.
 */

/** Text that must not be read as markup, an entity as `&lt;`, or mathematics. */
export const escaped = (text: string): string =>
  visibleLine(text)
    .replaceAll(/[\\`*[\]<>|#~]|(?<!\w)_|_(?!\w)|&(?=\w+;)/g, '\\$&')
    // GitHub passes over a backslash before it
    .replaceAll('$', '<span>$$</span>')

/** Inline code; holds backticks and bars, also in a cell of a table. */
export function code(text: string): string {
  const line = visibleLine(text).replaceAll('|', '\\|')
  return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``
}

/** A fence longer than any in the text. */
export function block(language: string, text: string): string {
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length + 1)))
  return `${fence}${language}\n${visible(text)}\n${fence}`
}

/** A table; columns whose heading ends in `:` stand to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(headings.map((heading) => heading.replace(/:$/, ''))),
    line(headings.map((heading) => (heading.endsWith(':') ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n')
}

export const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n')

export const folded = (title: string, body: string): string =>
  `<details>\n<summary>${title}</summary>\n\n${body}\n\n</details>`
