import { bare, count, oneLine } from '../../console/format.ts'
import type { Evidence } from '../../catalog/evidence.ts'
import { minute } from './words.ts'

/** One sign of use, or one place where nothing could be seen. */
export interface Sign {
  readonly kind: 'used' | 'unused' | 'unknown'
  readonly text: string
  /** SQL of others, on one line. */
  readonly code?: string
}

const CODE_LENGTH = 160
const MOST = 10

/** What the statistics tell of the use of a feature, in sentences. */
export function signsOf(evidence: Evidence): Sign[] {
  return [...sessions(evidence), ...statements(evidence), ...functions(evidence), ...relations(evidence)]
}

const counted = ({ countedSince }: Evidence) =>
  countedSince === null ? 'since the statistics began' : `since ${minute(countedSince)}`

function statements({ statements: { unavailable, since, found, hidden } }: Evidence): Sign[] {
  if (unavailable !== null) return [{ kind: 'unknown', text: `pg_stat_statements: ${unavailable}` }]
  const when = since === null ? '' : ` since ${minute(since)}`
  if (found.length === 0 && hidden === 0)
    return [{ kind: 'unused', text: `pg_stat_statements knows no statement that mentions it${when}` }]
  return [
    ...found.slice(0, MOST).map(({ query, calls, user, mentions }): Sign => ({
      kind: 'used',
      text: `${mentions.join(', ')}: ${count(calls, 'call')} by ${user ?? 'an unknown user'}${when}`,
      code: oneLine(query, CODE_LENGTH),
    })),
    ...more(found.length, 'statement'),
    ...(hidden > 0
      ? [
          {
            kind: 'unknown',
            text: `pg_stat_statements hides ${count(hidden, 'statement')} of others from this role; a member of pg_read_all_stats sees them`,
          } as const,
        ]
      : []),
  ]
}

function sessions({ sessions: { using, hidden } }: Evidence): Sign[] {
  return [
    ...using.slice(0, MOST).map(({ pid, user, application, state, since, query, mentions }): Sign => ({
      kind: 'used',
      text: `session ${String(pid)} of ${user ?? 'an unknown user'}${application ? ` (${application})` : ''}, ${state ?? 'state unknown'}${since === null ? '' : `, at ${minute(since)}`}: ${mentions.join(', ')}`,
      code: oneLine(query, CODE_LENGTH),
    })),
    ...more(using.length, 'session'),
    ...(hidden > 0
      ? [
          {
            kind: 'unknown',
            text: `statements of ${count(hidden, 'session')} are hidden from this role; a member of pg_read_all_stats sees them`,
          } as const,
        ]
      : []),
  ]
}

function functions({ functions: { tracked, used }, ...evidence }: Evidence): Sign[] {
  if (used.length > 0)
    return used.map(({ function: name, calls }) => ({
      kind: 'used',
      text: `function ${name.replace(/^public\./, '')}: ${count(calls, 'call')} ${counted({ functions: { tracked, used }, ...evidence })}`,
    }))
  return tracked
    ? [
        {
          kind: 'unused',
          text: `no function of it was called ${counted({ functions: { tracked, used }, ...evidence })}`,
        },
      ]
    : [{ kind: 'unknown', text: 'calls of functions are not counted (track_functions is none)' }]
}

function relations(evidence: Evidence): Sign[] {
  return evidence.relations.map(({ relation, kind, reads, writes, lastRead }) => {
    const last = lastRead === null ? '' : `, last at ${minute(lastRead)}`
    if (reads === 0 && writes === 0)
      return {
        kind: 'unused',
        text: `${kind} ${relation}: ${kind === 'index' ? 'not scanned' : 'neither read nor written'} ${counted(evidence)}`,
      }
    const facts = [
      ...(reads > 0 ? [`${count(reads, 'scan')}${last}`] : []),
      ...(writes > 0 ? [`${bare(writes)} rows written`] : []),
    ]
    return {
      kind: 'used',
      text: `${kind} ${relation}: ${facts.join(', ')} ${counted(evidence)}${kind === 'table' && reads > 0 ? ' (each plan scans it too)' : ''}`,
    }
  })
}

const more = (found: number, what: string): Sign[] =>
  found > MOST ? [{ kind: 'used', text: `and ${count(found - MOST, what)} more` }] : []
