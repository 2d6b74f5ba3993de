import { bare, count, oneLine, size } from '../../console/format.ts'
import { table } from '../../console/table.ts'
import { BRING_BACK_PLAN } from '../../ledger/whole-plan.ts'
import { crashEmpties, type KeptTable } from '../../run/backups/kept-tables.ts'
import { isRevealed, underWayOrNot, whatNow } from '../../run/status/broke-off.ts'
import type { FeatureStatus } from '../../run/status/read-status.ts'
import { withoutRecord } from '../project/unrecorded.ts'
import type { Screen } from '../screen.ts'
import { minute } from './words.ts'

/** With the migrations of which Kysely has no record, though they have removed it. */
export interface ShownStatus extends FeatureStatus {
  readonly unrecorded?: readonly string[]
}

/** Where features stand, for a terminal. */
export function statusAsText(
  statuses: readonly ShownStatus[],
  style: Pick<Screen, 'bold' | 'dim' | 'columns'>,
): string {
  if (statuses.length === 0) return 'The migrations export no feature, and the ledger knows none.'
  return statuses.map((status) => featureAsText(status, style)).join('\n\n')
}

function featureAsText(status: ShownStatus, { bold, dim, columns }: Pick<Screen, 'bold' | 'dim' | 'columns'>): string {
  const { feature, run, archived, purged, kept, damaged, unrecorded = [] } = status
  const lines = [
    standing(status),
    ...(run ? [who(run)] : []),
    ...(run?.reason ? [`why: ${oneLine(run.reason, 200)}`] : []),
    ...(archived ? [`archived ${by(archived)}`] : []),
    ...(purged ? [`backups dropped ${by(purged)}: there is no restore`] : []),
    ...(damaged === null ? [] : [`! ${damaged}. ${BRING_BACK_PLAN}`]),
    ...crashEmpties(kept).map((line) => `! ${line}`),
    ...contradiction(status),
    ...(unrecorded.length > 0 ? [`! ${withoutRecord(status, unrecorded)}`] : []),
    ...(kept.length > 0
      ? keptTable(kept).map((line, n) => (n === 0 ? dim(fitted(line, columns)) : fitted(line, columns)))
      : []),
  ]
  return [`${bold(feature)}: ${lines[0] ?? ''}`, ...lines.slice(1).map((line) => `  ${line}`)].join('\n')
}

/** What does not fit stands in the JSON; a wrapped line would tear the table. */
const fitted = (line: string, columns: number | null) =>
  columns !== null && line.length > columns - INDENT ? `${line.slice(0, columns - INDENT - 1)}…` : line

const INDENT = 2

function standing(status: FeatureStatus): string {
  const { state, phase, present, run } = status
  const since = run?.finishedAt ? ` since ${minute(run.finishedAt)}` : ''
  switch (state) {
    case 'installed':
      return 'installed'
    case 'absent':
      return 'not in this database, and never removed from it as far as its ledger knows'
    case 'incomplete':
      return `only partly there: ${bare(present?.found ?? 0)} of ${count(present?.declared ?? 0, 'declared object')}`
    case 'removing':
      return underWay(
        'the removal',
        status,
        phase === 'record' ? 'the feature is gone, its backups are not sealed yet' : 'the feature works on, untouched',
      )
    case 'restoring':
      return underWay('the restore', status, isRevealed(phase) ? 'the feature is back' : 'the feature is still away')
    case 'removed':
      return `removed${since}`
    case 'archived':
      return `removed${since}, backups archived`
    case 'purged':
      return `removed for good${since}`
    case 'restored':
      return `restored${since}`
  }
}

function underWay(what: string, status: FeatureStatus, meaning: string): string {
  const { active, phase } = status
  if (active === null) return `${what} ${underWayOrNot(phase)}; ${meaning}`
  return active
    ? `${what} is running, phase "${phase ?? ''}"; ${meaning}`
    : `${what} broke off in phase "${phase ?? ''}"; ${meaning}: ${whatNow(status)}`
}

function who({ id, role, actor, build, startedAt, packageVersion }: NonNullable<FeatureStatus['run']>): string {
  const person = actor === null ? `role ${role}` : `${actor} (role ${role})`
  return `run ${id} by ${person}, begun ${minute(startedAt)}${build === null ? '' : `, build ${build}`}, kysely-unship ${packageVersion}`
}

const by = ({ at, actor, keepUntil }: { at: string; actor: string | null; keepUntil?: string | null }): string =>
  `${minute(at)}${actor === null ? '' : ` by ${actor}`}${keepUntil ? `, to be kept until ${keepUntil}` : ''}`

/** What the ledger says and what the database holds should not differ. */
function contradiction({ state, present }: FeatureStatus): string[] {
  if (present === null) return []
  if (['removed', 'archived', 'purged'].includes(state) && present.found > 0)
    return [`! ${bare(present.found)} of its objects are in the database all the same`]
  if (state === 'restored' && present.found < present.declared)
    return [
      `! ${bare(present.declared - present.found)} of ${count(present.declared, 'declared object')} are missing since`,
    ]
  return []
}

function keptTable(kept: readonly KeptTable[]): string[] {
  return table(
    [
      { heading: 'kept' },
      { heading: 'as' },
      { heading: 'rows', right: true },
      { heading: 'size', right: true },
      { heading: 'until' },
      { heading: 'holds' },
    ],
    kept.map(({ table: name, kind, rows, bytes, keepUntil, of }) => [
      name,
      kind,
      rows === null ? '' : bare(rows),
      bytes === null ? 'MISSING' : size(bytes),
      keepUntil ?? '',
      of,
    ]),
  )
}
