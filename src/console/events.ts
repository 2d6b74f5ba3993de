import type { UnshipError } from '../errors.ts'
import type { Phase } from '../plan/plan.ts'
import type { ProgressEvent } from '../run/report.ts'
import { bare, count, duration, oneLine } from './format.ts'
import { finishedMessages } from './finished.ts'
import { message, type Message } from './message.ts'
import { aligned } from './table.ts'
import { waitingMessage } from './waiting.ts'

/** How a report is worded. */
export interface Wording {
  /** What a person runs to restore a removed feature. */
  readonly restoreCommand: string
}

/** An event that is told once. What soon is out of date is not: see `progress-line.ts`. */
export type ToldEvent = Exclude<ProgressEvent, { type: 'progress' | 'running' }>

/** What an event says to a person. */
export function messagesOf(event: ToldEvent, wording: Wording): Message[] {
  switch (event.type) {
    case 'started':
      return [message('start', startLine(event))]
    case 'preflight':
      return event.counts.length > 0 ? [message('info', 'Preflight', countLines(event.counts))] : []
    case 'warning':
      return [warning(event.message)]
    case 'phase started':
      return []
    case 'phase done':
      return [message('success', phaseLine(event))]
    case 'waiting':
      return [waitingMessage(event)]
    case 'paused':
      return [message('info', `paused: ${oneLine(event.reason, 200)}`)]
    case 'connection lost':
      return [lostMessage(event.error)]
    case 'finished':
      return finishedMessages(event.report, wording)
  }
}

const DOING = {
  removal: (feature: string) => `Removing ${feature}`,
  restore: (feature: string) => `Restoring ${feature}`,
  abort: (feature: string, aborted = 'removal') => `Taking back the ${aborted} of ${feature}`,
}

function startLine({ direction, feature, aborted, resumed }: ToldEvent & { type: 'started' }): string {
  return DOING[direction](feature, aborted) + (resumed === null ? '' : `, resuming at the phase: ${resumed}`)
}

function countLines(counts: readonly { readonly label: string; readonly rows: number }[]): string[] {
  return aligned(
    counts.map(({ label, rows }) => [label, bare(rows), rows === 1 ? 'row' : 'rows']),
    [false, true, false],
  ).map((line) => line.replace(/ {2}(rows?)$/, ' $1'))
}

function warning(text: string): Message {
  const [first = '', ...rest] = text.split('\n')
  return message('warn', first, rest)
}

function lostMessage(error: UnshipError): Message {
  const [first = '', ...rest] = error.message.split('\n')
  return message('error', first, rest)
}

/** The longest name of a phase. */
const PHASE_WIDTH = ('validate' satisfies Phase).length

function phaseLine({ phase, durationMs, lockHeldMs, attempts }: ToldEvent & { type: 'phase done' }): string {
  const parts = [duration(durationMs)]
  if (lockHeldMs !== null) parts.push(`locks held for ${duration(lockHeldMs)}`, count(attempts, 'attempt'))
  return `${phase.padEnd(PHASE_WIDTH)}  ${parts.join(', ')}`
}
