import type { Sample } from './load.ts'

/** The middle of some figures, with their range. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), least: sorted[0] ?? NaN, most: sorted.at(-1) ?? NaN }
}

/** Of sorted figures. */
function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return NaN
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? NaN
  const high = sorted[Math.ceil(at)] ?? NaN
  return low + (high - low) * (at - Math.floor(at))
}

export const longest = (samples: readonly Sample[]): number => samples.reduce((most, { ms }) => Math.max(most, ms), 0)

export const p999 = (samples: readonly Sample[]): number =>
  quantile(
    samples.map(({ ms }) => ms).sort((a, b) => a - b),
    0.999,
  )

/** Samples that were due from one moment to another. */
export const between = (samples: readonly Sample[], from: number, to: number): Sample[] =>
  samples.filter(({ at }) => at >= from && at < to)

/** The longest wait in each window of this length; one window where the time is too short. */
export function longestByWindow(samples: readonly Sample[], from: number, to: number, windowMs: number): number[] {
  const windows = Math.max(1, Math.floor((to - from) / windowMs))
  return Array.from({ length: windows }, (_, n) =>
    longest(between(samples, from + n * windowMs, windows === 1 ? to : from + (n + 1) * windowMs)),
  )
}
