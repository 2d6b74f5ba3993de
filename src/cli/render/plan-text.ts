import { bare, count, oneLine, size } from '../../console/format.ts'
import { aligned, table, type Column } from '../../console/table.ts'
import type {
  BackupEstimate,
  RemovalReview,
  RestoreReview,
  ReviewPhase,
  ReviewStatement,
} from '../../plan/review/review.ts'
import type { Screen } from '../screen.ts'
import { signsOf } from './evidence.ts'
import { readingTime } from './time.ts'
import { goesOn, HELD, isWeak, minute, partsOf, rowsWord, summary } from './words.ts'

type Style = Pick<Screen, 'bold' | 'dim' | 'columns'>

/** The width that lines are cut to where no terminal says. */
const WIDTH = 160

/** A removal's plan for a terminal. */
export function removalAsText(review: RemovalReview, style: Style): string {
  const { units, counts, hazards, evidence, statements, phases } = review
  return [
    head(review, `Removing ${review.feature} takes away ${summary(review)}`, style),
    section(
      'Now',
      aligned(
        counts.map(({ label, rows }) => [label, bare(rows), rows === 1 ? 'row' : 'rows']),
        [false, true, false],
      ).map((line) => line.replace(/ {2}(rows?)$/, ' $1')),
      style,
    ),
    section(
      'What goes, in this order',
      units.map((unit) => {
        const parts = partsOf(unit)
        if (unit.kind === 'parts') return `${unit.name}: ${parts}; it stays itself`
        const what = unit.kind === 'columns' ? `${unit.name}: ${unit.columns.join(', ')}` : `${unit.kind} ${unit.name}`
        return `${what}${parts === '' ? '' : style.dim(` (with ${parts})`)}`
      }),
      style,
    ),
    section('Backups', backupTable(review.backups), style),
    section('Who waits', [...phaseTable(phases), '', readingTime(review)], style),
    section(
      'Hazards',
      hazards.map(({ severity, message }) => `${severity === 'warning' ? '!' : '-'} ${message}`),
      style,
    ),
    section(
      `Signs of use, ${minute(evidence.readAt)}`,
      signsOf(evidence).flatMap(({ kind, text, code }) => [
        `${{ used: '!', unused: '-', unknown: '?' }[kind]} ${text}`,
        ...(code === undefined ? [] : [style.dim(`    ${code}`)]),
      ]),
      style,
    ),
    section(`Statements (${bare(statements.length)})`, statementTable(statements, style.columns ?? WIDTH), style),
    'unship plan --format sql prints them in full, --format markdown the plan for a pull request, --down the restore.',
  ].join('\n\n')
}

/** A restore's plan for a terminal. */
export function restoreAsText(review: RestoreReview, style: Style): string {
  const { removal, statements, phases, backups } = review
  const since =
    removal === null
      ? 'as planned; the feature has not been removed'
      : `from the ledger, run ${removal.run}${removal.at === null ? '' : `, ${minute(removal.at)}`}`
  return [
    head(
      review,
      `Restoring ${review.feature}: ${since}${review.goesOnIn === null ? '' : `; ${goesOn(review.goesOnIn)}`}`,
      style,
    ),
    section('From these backups', backupTable(backups, review.from === 'ledger'), style),
    section('Who waits', phaseTable(phases), style),
    section(`Statements (${bare(statements.length)})`, statementTable(statements, style.columns ?? WIDTH), style),
  ].join('\n\n')
}

function head(review: RemovalReview | RestoreReview, title: string, { bold, dim }: Style): string {
  const { database, serverVersion, role, fingerprint } = review
  return [
    bold(title),
    `database ${database}, PostgreSQL ${serverVersion}, as ${role}`,
    dim(`fingerprint ${fingerprint}`),
  ].join('\n')
}

const section = (title: string, lines: readonly string[], { bold }: Style): string =>
  [bold(title), ...(lines.length > 0 ? lines : ['none']).map((line) => (line === '' ? '' : `  ${line}`))].join('\n')

function backupTable(backups: readonly BackupEstimate[], measured = false): string[] {
  return table(
    [{ heading: 'table' }, { heading: 'rows', right: true }, { heading: 'size', right: true }, { heading: 'holds' }],
    backups.map((backup) => [
      backup.table,
      rowsWord(backup),
      `${backup.how === 'copied' && !measured ? '~' : ''}${size(backup.bytes)}`,
      `${backup.of}, ${backup.how}`,
    ]),
  )
}

function phaseTable(phases: readonly ReviewPhase[]): string[] {
  return table(
    [{ heading: 'phase' }, { heading: 'others wait' }, { heading: 'what it does' }, { heading: 'lock' }],
    phases.map(({ phase, what, lock, relations, held }) => {
      const on = isWeak(lock) && relations.length > 3 ? count(relations.length, 'table') : relations.join(', ')
      return [phase, HELD[held], what, on === '' ? lock : `${lock} on ${on}`]
    }),
  )
}

/** What a narrow terminal has no room for, in that order: the statements say it too. */
const SPARED = ['on', 'lock']
const LEAST_OF_STATEMENT = 40

function statementTable(statements: readonly ReviewStatement[], columns: number): string[] {
  const room = columns - 2
  const cells: readonly (Column & { readonly of: (statement: ReviewStatement) => string })[] = [
    { heading: '#', right: true, of: ({ n }) => bare(n) },
    { heading: 'phase', of: ({ phase }) => phase },
    { heading: 'others wait', of: ({ done, held }) => (done === true ? 'done' : HELD[held]) },
    { heading: 'lock', of: ({ lock }) => lock ?? '' },
    { heading: 'on', of: ({ relations }) => relations.join(', ') },
    { heading: 'statement', of: ({ sql }) => oneLine(sql, 300) },
  ]
  const tables = [0, 1, 2].map((spared) => {
    const shown = cells.filter(({ heading }) => !SPARED.slice(0, spared).includes(heading))
    return table(
      shown,
      statements.map((statement) => shown.map(({ of }) => of(statement))),
    )
  })
  const roomy = tables.find(([heading = '']) => room - heading.indexOf('statement') >= LEAST_OF_STATEMENT)
  return (roomy ?? tables.at(-1) ?? []).map((line) => oneLineKeepingSpaces(line, room))
}

const oneLineKeepingSpaces = (line: string, length: number): string =>
  line.length <= length ? line : `${line.slice(0, Math.max(1, length - 1))}…`
