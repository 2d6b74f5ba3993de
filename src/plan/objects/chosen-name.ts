import { MAX_IDENTIFIER_BYTES, byteLength } from '../../sql.ts'
import type { IndexLabel } from './new-partitions.ts'

/**
 * The name that PostgreSQL would choose for an index of a table: `orders_rank_idx`. The longer of
 * table and columns is cut until all fits; where the name is taken, a number follows.
 */
export function chosenName(
  table: string,
  columns: readonly string[],
  label: IndexLabel,
  taken: (name: string) => boolean,
): string {
  for (let n = 0; ; n++) {
    const name = objectName(table, columns.join('_'), n === 0 ? label : `${label}${String(n)}`)
    if (!taken(name)) return name
  }
}

function objectName(table: string, columns: string, label: string): string {
  // a primary key is named after the table alone
  if (label.startsWith('pkey')) return `${cut(table, MAX_IDENTIFIER_BYTES - label.length - 1)}_${label}`
  let [first, second] = [table, cut(columns, MAX_IDENTIFIER_BYTES)]
  let [a, b] = [byteLength(first), byteLength(second)]
  const room = MAX_IDENTIFIER_BYTES - label.length - 2
  while (a + b > room) {
    if (a > b) a--
    else b--
  }
  ;[first, second] = [cut(first, a), cut(second, b)]
  return `${first}_${second}_${label}`
}

/** No more bytes than that, and no half character. */
function cut(text: string, bytes: number): string {
  let end = text
  while (byteLength(end) > bytes) end = end.replace(/.$/su, '')
  return end
}
