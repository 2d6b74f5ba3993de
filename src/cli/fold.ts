import { stripVTControlCharacters } from 'node:util'

/** A cell with less room than this goes on below, further to the left. */
const LEAST = 30

/**
 * Breaks lines between words where a terminal would break them anywhere. Cells,
 * two spaces apart, go on below themselves; words that are too long stay whole.
 */
export const folded = (text: string, columns: number): string =>
  text
    .split('\n')
    .map((line) => (width(line) <= columns ? line : fold(line, columns)))
    .join('\n')

function fold(line: string, columns: number): string {
  const indent = /^ */.exec(line)?.[0].length ?? 0
  const lines = ['']
  const last = () => lines.at(-1) ?? ''
  const add = (text: string) => lines.push((lines.pop() ?? '') + text)
  let hang = indent + 2
  for (const [, gap = '', cell = ''] of line.matchAll(/(^ *| {2,})(\S+(?: \S+)*)/g)) {
    const start = width(last()) + gap.length
    if (start > indent && columns - start >= LEAST) hang = start
    const fits = start + width(cell) <= columns
    if (fits || columns - start >= LEAST) add(gap)
    else lines.push(' '.repeat(hang))
    cell.split(' ').forEach((word, n) => {
      const space = n === 0 ? '' : ' '
      if (n > 0 && width(last() + space + word) > columns) lines.push(' '.repeat(hang) + word)
      else add(space + word)
    })
  }
  return lines.join('\n')
}

const width = (text: string): number => Array.from(stripVTControlCharacters(text)).length
