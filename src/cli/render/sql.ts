import type { PlanReview, ReviewPhase, ReviewStatement } from '../../plan/review/review.ts'
import { goesOn, HELD, minute } from './words.ts'

/** A plan as an SQL script: phases, transactions, locks, each statement with its number and reason. */
export function planAsSql(review: PlanReview): string {
  const { feature, direction, database, serverVersion, role, plannedAt, packageVersion, fingerprint } = review
  const title = direction === 'removal' ? 'Removal' : 'Restore'
  return [
    `-- ${title} of feature ${feature}, as kysely-unship ${packageVersion} runs it`,
    `-- planned ${minute(plannedAt)} in database ${database} (PostgreSQL ${serverVersion}) as ${role}`,
    `-- fingerprint: ${fingerprint}`,
    '--',
    ...(review.direction === 'removal'
      ? [
          '-- For reading. The migration runs it, repeats short transactions until it has the locks, and writes',
          '-- the ledger from which the feature can be restored; run by hand there would be no way back.',
        ]
      : [
          ...(review.goesOnIn === null ? [] : [`-- has begun: ${goesOn(review.goesOnIn)}`]),
          "-- For reading. The migration's down runs it from the ledger; docs/runbook.md says how to do it by hand.",
        ]),
    '',
    script(review.phases, review.statements),
  ].join('\n')
}

/** Stands before the locks of a transaction that has done something before it asks for them. */
export const LOCKS_OF_OTHERS = '-- from here on others wait'

/** The statements of all phases that have any. */
export function script(phases: readonly ReviewPhase[], statements: readonly ReviewStatement[]): string {
  return phases
    .filter((phase) => phase.statements > 0)
    .map((phase) => phaseScript(phase, statements))
    .join('\n\n')
}

function phaseScript(phase: ReviewPhase, statements: readonly ReviewStatement[]): string {
  const own = statements.filter((s) => s.phase === phase.phase).map(numbered)
  const heading = `-- phase ${phase.phase}: ${phase.what}\n-- ${phase.lock} on ${phase.relations.join(', ') || 'nothing of others'}; others wait: ${HELD[phase.held]}`
  if (phase.locks.length === 0) return [heading, ...own].join('\n\n')
  const { ahead } = phase
  const locks = phase.locks.map((sql) => `${sql};`)
  const apart = (those: readonly string[]) => those.flatMap((s) => [s, ''])
  return [
    heading,
    'begin;',
    "set local lock_timeout = '50ms';",
    ...locks.slice(0, ahead.locks),
    '',
    ...apart(own.slice(0, ahead.statements)),
    ...(ahead.statements > 0 ? [LOCKS_OF_OTHERS] : []),
    ...locks.slice(ahead.locks),
    '',
    ...apart(own.slice(ahead.statements)),
    'commit;',
  ]
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
}

const numbered = (statement: ReviewStatement): string => {
  const { n, sql, reason, lock, relations, done } = statement
  const on = relations.length > 0 ? ` on ${relations.join(', ')}` : ''
  const head = `-- ${String(n)}. ${reason}${lock === null ? '' : ` (${lock}${on})`}${done === true ? ', done' : ''}`
  return `${head}\n${sql}${sql.startsWith('--') ? '' : ';'}`
}
