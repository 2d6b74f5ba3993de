import type { Blocker, ProgressEvent } from '../run/report.ts'
import { bare, count, duration, oneLine } from './format.ts'
import { message, type Message } from './message.ts'

type Waiting = ProgressEvent & { type: 'waiting' }

const MOST_BLOCKERS = 10
const NAME_LENGTH = 63
const QUERY_LENGTH = 100

/** Who holds the locks that a phase waits for. */
export function waitingMessage(event: Waiting): Message {
  const { blockers } = event
  const lines = blockers.slice(0, MOST_BLOCKERS).flatMap(blockerLines)
  if (blockers.length > MOST_BLOCKERS) lines.push(`and ${count(blockers.length - MOST_BLOCKERS, 'session')} more`)
  return message('info', waitingLine(event), lines)
}

/** `cut over: waiting for locks, attempt 3 of 300, next in 120 ms`; or `build: waiting for 1 session` */
export function waitingLine({ phase, attempt, attempts, retryInMs, blockers }: Waiting): string {
  // a statement that waits in its place, for locks or for transactions that began before it
  if (attempts === 1) return `${phase}: waiting for ${count(blockers.length, 'session')}`
  const whose = blockers.length > 0 ? ` that ${count(blockers.length, 'session')} ${hold(blockers.length)}` : ''
  return `${phase}: waiting for locks${whose}, attempt ${bare(attempt)} of ${bare(attempts)}, next in ${duration(retryInMs)}`
}

const hold = (sessions: number) => (sessions === 1 ? 'holds' : 'hold')

/** The same for the same sessions, in whatever order they come. */
export function blockersKey(blockers: readonly Blocker[]): string {
  return blockers
    .map(({ pid, prepared }) => `${pid} ${prepared ?? ''}`)
    .sort()
    .join('\n')
}

function blockerLines(blocker: Blocker): string[] {
  const { pid, user, application, state, ageMs, relation, query, prepared } = blocker
  const name = (text: string) => oneLine(text, NAME_LENGTH)
  const who = prepared === null ? `pid ${pid}` : `prepared transaction "${name(prepared)}"`
  const facts = [
    user && `user ${name(user)}`,
    application && `application ${name(application)}`,
    state && name(state),
    ageMs !== null && `for ${duration(ageMs)}`,
    relation && `holds ${oneLine(relation, 2 * NAME_LENGTH)}`,
  ].filter((fact) => typeof fact === 'string' && fact !== '')
  return [
    facts.length > 0 ? `${who}: ${facts.join(', ')}` : who,
    ...(query ? [`  query: ${oneLine(query, QUERY_LENGTH)}`] : []),
  ]
}
