import { bare, count } from '../../console/format.ts'
import type { RemovalReview, ReviewPhase } from '../../plan/review/review.ts'
import type { ReviewUnit } from '../../plan/review/review-objects.ts'

/*
 * Wordings that several formats of a plan share.
 */

/** `3 indexes, 2 policies` */
export const partsOf = ({ parts }: Pick<ReviewUnit, 'parts'>): string =>
  parts.map(({ kind, count: n }) => `${bare(n)} ${n === 1 ? kind : plural(kind)}`).join(', ')

function plural(kind: string): string {
  if (kind === 'policy') return 'policies'
  if (kind === 'statistics') return kind
  return /(?:x|check)$/.test(kind) && kind.endsWith('x') ? `${kind}es` : `${kind}s`
}

/** A name for a group of units of one kind. */
export const groupOf = ({ kind }: ReviewUnit): string => (OF_TABLES.includes(kind) ? kind : plural(kind))

/** Units that are no object of their own, but belong to a table that stays. */
const OF_TABLES: readonly string[] = ['columns', 'parts']

/** `7 columns of 2 tables, 1 index of 1 other table, 2 tables, 3 functions, 2 views` */
export function summary({ units }: Pick<RemovalReview, 'units'>): string {
  const hosts = units.filter((unit) => unit.kind === 'columns')
  const columns = hosts.reduce((sum, unit) => sum + unit.columns.length, 0)
  const others = units.filter((unit) => unit.kind === 'parts')
  const kinds = [...new Set(units.filter((unit) => !OF_TABLES.includes(unit.kind)).map((unit) => unit.kind))]
  return [
    ...(hosts.length > 0 ? [`${count(columns, 'column')} of ${count(hosts.length, 'table')}`] : []),
    ...(others.length > 0 ? [`${partsOf({ parts: together(others) })} of ${count(others.length, 'other table')}`] : []),
    ...kinds.map((kind) => {
      const n = units.filter((unit) => unit.kind === kind).length
      return `${bare(n)} ${n === 1 ? kind : plural(kind)}`
    }),
  ].join(', ')
}

function together(units: readonly ReviewUnit[]): ReviewUnit['parts'] {
  const counts = new Map<string, number>()
  for (const { kind, count: n } of units.flatMap((unit) => unit.parts)) counts.set(kind, (counts.get(kind) ?? 0) + n)
  return [...counts].map(([kind, n]) => ({ kind, count: n }))
}

/** Of a restore that has begun. */
export const goesOn = (phase: string): string => `it goes on in phase ${phase}, what comes before is done`

export const HELD = {
  online: 'nobody waits',
  milliseconds: 'milliseconds',
  'as long as it takes': 'as long as it takes',
} as const

/** Locks that ordinary reads and writes pass by. */
const WEAK: readonly ReviewPhase['lock'][] = ['ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE']
export const isWeak = (lock: ReviewPhase['lock']): boolean => WEAK.includes(lock)

/** `2026-11-23 09:12 UTC` */
export const minute = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`

/** `41 rows`, `about 1,200 rows` */
export const rowsWord = ({ rows, exact }: { rows: number; exact: boolean }): string =>
  `${exact ? '' : 'about '}${bare(rows)}`
