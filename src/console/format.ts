/*
 * Figures as a person reads them, each with its unit.
 */

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const figures = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })

/** `1 row`, `2,000 rows` */
export const count = (n: number, unit: string): string => `${integer.format(n)} ${n === 1 ? unit : `${unit}s`}`

/** `2,000`: only under a heading that gives the unit. */
export const bare = (n: number): string => integer.format(n)

/** `4.2 ms`, `85 ms`, `1.24 s`, `2 min 5 s`, `1 h 3 min` */
export function duration(ms: number): string {
  if (ms < 999.5) return `${figures.format(Math.max(0, ms))} ms`
  if (ms < 59_950) return `${figures.format(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${integer.format(Math.floor(minutes / 60))} h ${minutes % 60} min`
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `512 bytes`, `16 KiB`, `1.53 GiB` */
export function size(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? count(value, 'byte') : `${figures.format(value)} ${UNITS[unit] ?? ''}`
}

/** `6 %`, rounded down: 100 % means done. */
export const percent = (part: number, whole: number): string => `${Math.floor(share(part, whole) * 100)} %`

/** Between 0 and 1, also where the whole was an estimate. */
export const share = (part: number, whole: number): number => (whole <= 0 ? 1 : Math.min(1, Math.max(0, part / whole)))

/** A text of others' on one line, without control characters, shortened to a length. */
export function oneLine(text: string, length: number): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  const characters = Array.from(line)
  return characters.length <= length ? line : `${characters.slice(0, length - 1).join('')}…`
}
