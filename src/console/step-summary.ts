import { appendFileSync } from 'node:fs'
import type { AbortReport, PhaseReport, RemovalReport, RestoreReport } from '../run/report.ts'
import { bare, count, duration, size } from './format.ts'
import { code, escaped, table } from './markdown.ts'

type AnyReport = RemovalReport | RestoreReport | AbortReport

/**
 * Appends what a run did to the summary of a GitHub job, where there is one.
 *
 * @returns why it could not be written; the run itself is done by then, and must not fail for it.
 */
export function writeStepSummary(report: AnyReport, environment: NodeJS.ProcessEnv = process.env): string | null {
  const file = environment.GITHUB_STEP_SUMMARY
  if (!file) return null
  try {
    appendFileSync(file, `${stepSummary(report)}\n\n`)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const NOTHING_DONE: readonly AnyReport['outcome'][] = ['absent', 'already removed', 'already restored']

/** A run's report in Markdown. */
export function stepSummary(report: AnyReport): string {
  const { feature, phases, warnings, setAside, durationMs, longestLockMs } = report
  const title = `### ${TITLES[report.direction](feature, report.outcome)}`
  if (NOTHING_DONE.includes(report.outcome)) return `${title}\n\nNothing was to be done.`
  const locks =
    longestLockMs > 0
      ? `Locks that others wait for were held for ${duration(longestLockMs)} at most.`
      : 'No lock that others wait for was held.'
  return [
    title,
    `It took ${duration(durationMs)}. ${locks}`,
    ...(Object.keys(report.counts).length > 0
      ? [
          table(
            ['before', 'rows:'],
            Object.entries(report.counts).map(([label, rows]) => [escaped(label), bare(rows)]),
          ),
        ]
      : []),
    ...details(report),
    ...(setAside.length > 0
      ? [
          '**Set aside**, since the restored tables have no place for them:',
          setAside
            .map(
              ({ rows, table: of, kept, reason }) =>
                `- ${count(rows, 'row')} of ${code(of)} in ${code(kept)}: ${escaped(reason)}`,
            )
            .join('\n'),
        ]
      : []),
    ...(warnings.length > 0 ? ['**Warnings**', warnings.map((warning) => `- ${escaped(warning)}`).join('\n')] : []),
    ...(phases.length > 0 ? [table(['phase', 'took:', 'locks held:', 'attempts:'], phases.map(phaseRow))] : []),
  ].join('\n\n')
}

const TITLES: Readonly<Record<AnyReport['direction'], (feature: string, outcome: string) => string>> = {
  removal: (feature, outcome) => `Removal of ${code(feature)}: ${outcome}`,
  restore: (feature, outcome) => `Restore of ${code(feature)}: ${outcome}`,
  abort: (feature, outcome) =>
    `${outcome === 'removed' ? 'Restore' : 'Removal'} of ${code(feature)} aborted: ${outcome}`,
}

function details(report: AnyReport): string[] {
  if (report.direction === 'removal' && report.backups.length > 0)
    return [
      table(
        ['backup', 'holds', 'rows:', 'size:', 'checksum'],
        report.backups.map((b) => [code(b.table), escaped(b.of), bare(b.rows), size(b.bytes), code(b.checksum)]),
      ),
    ]
  if (report.direction === 'restore' && report.hosts.length > 0)
    return [
      table(
        ['table', 'rows restored:', 'new since:', 'gone since:'],
        report.hosts.map((h) => [code(h.table), bare(h.restored), bare(h.inserted), bare(h.deleted)]),
      ),
    ]
  return []
}

const phaseRow = ({ phase, durationMs, lockHeldMs, attempts }: PhaseReport): string[] => [
  phase,
  duration(durationMs),
  lockHeldMs === null ? '' : duration(lockHeldMs),
  lockHeldMs === null ? '' : bare(attempts),
]
