/** A column of a table: its heading, and whether its values stand to the right, as figures do. */
export interface Column {
  readonly heading: string
  readonly right?: boolean
}

/** Lines of a table with aligned columns under their headings. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  return aligned(
    [columns.map((column) => column.heading), ...rows],
    columns.map((column) => column.right ?? false),
  )
}

/** Lines whose cells stand below each other, two spaces apart. */
export function aligned(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = right.map((_, index) => Math.max(0, ...rows.map((row) => width(row[index] ?? ''))))
  return rows.map((row) =>
    widths
      .map((columnWidth, index) => {
        const cell = row[index] ?? ''
        const padding = ' '.repeat(columnWidth - width(cell))
        return right[index] ? padding + cell : cell + padding
      })
      .join('  ')
      .trimEnd(),
  )
}

const width = (text: string): number => Array.from(text).length
