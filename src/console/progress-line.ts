import type { ProgressEvent } from '../run/report.ts'
import { bare, count, duration, oneLine, percent, share } from './format.ts'

type Progress = ProgressEvent & { type: 'progress' }
type Running = ProgressEvent & { type: 'running' }

const BAR_WIDTH = 16
const NAME_LENGTH = 63

/** `fill: public.contacts, 120,000 of 2,000,000 rows (6 %), 45,000 rows/s, 42 s left` */
export function progressLine(event: Progress): string {
  return `${event.phase}: ${name(event)}, ${rows(event)} (${percent(event.rows, event.totalRows)}), ${pace(event)}`
}

/** The same with a bar, no wider than a terminal's line. */
export function progressBar(event: Progress, columns: number): string {
  const filled = Math.round(share(event.rows, event.totalRows) * BAR_WIDTH)
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`
  const done = percent(event.rows, event.totalRows)
  const candidates = [
    `${event.phase} ${name(event)} ${bar} ${done}, ${rows(event)}, ${pace(event)}`,
    `${event.phase} ${bar} ${done}, ${rows(event)}, ${pace(event)}`,
    `${event.phase} ${bar} ${done}, ${pace(event)}`,
  ]
  const last = `${event.phase} ${done}`
  return candidates.find((line) => line.length < columns) ?? oneLine(last, Math.max(1, columns - 1))
}

/** `validate for 12 s, about 8 s left: foreign key orders_contact_fkey holds for every row` */
export function runningLine({ phase, what, elapsedMs, remainingMs }: Running): string {
  const left = remainingMs === null ? '' : `, about ${duration(roundedUp(remainingMs))} left`
  return `${phase} for ${duration(elapsedMs)}${left}: ${name({ what })}`
}

const name = ({ what }: Pick<Progress, 'what'>) => oneLine(what, 2 * NAME_LENGTH)
const unit = (event: Progress) => (event.unit === 'blocks' ? 'block' : 'row')
const rows = (event: Progress) => `${bare(event.rows)} of ${count(event.totalRows, unit(event))}`

function pace(event: Progress): string {
  const { rowsPerSecond, remainingMs } = event
  const rate = `${bare(rowsPerSecond)} ${unit(event)}s/s`
  return remainingMs === null || remainingMs <= 0 ? rate : `${rate}, ${duration(roundedUp(remainingMs))} left`
}

/** A guess: no fractions of a second. */
const roundedUp = (ms: number) => Math.ceil(ms / 1000) * 1000
