import { bare, count, size } from '../../console/format.ts'
import type { BackupEstimate, RemovalReview, RestoreReview, ReviewPhase } from '../../plan/review/review.ts'
import type { ReviewUnit } from '../../plan/review/review-objects.ts'
import { signsOf } from './evidence.ts'
import { block, code, escaped, folded, list, table } from '../../console/markdown.ts'
import { mermaid } from './mermaid.ts'
import { script } from './sql.ts'
import { readingTime } from './time.ts'
import { goesOn, HELD, minute, partsOf, rowsWord, summary } from './words.ts'

/** A removal's plan for a pull request: what a reviewer needs first, the whole SQL folded at the end. */
export function removalAsMarkdown(review: RemovalReview): string {
  const { feature, counts, units, hazards, objects, statements, restore, evidence, phases } = review
  const warnings = hazards.filter((hazard) => hazard.severity === 'warning')
  const notes = hazards.filter((hazard) => hazard.severity === 'note')
  const signs = signsOf(evidence)
  return [
    `# Plan: remove ${code(feature)}`,
    `Takes away **${escaped(summary(review))}**. Everything is backed up and verified first; ${code('kysely migrate:down')} puts it back. ${verdict(review)}`,
    head(review),
    '## What it holds now',
    counts.length > 0
      ? table(
          ['', 'rows:'],
          counts.map(({ label, rows }) => [escaped(label), bare(rows)]),
        )
      : 'Nothing is counted.',
    '## What goes',
    table(['in this order', 'kind', 'with it', 'becomes'], units.map(unitRow(review))),
    block('mermaid', mermaid(review)),
    'An arrow points to what something needs; a dotted one to what the text of a function mentions.',
    '## What is kept',
    backupTable(review.backups),
    '## Who waits',
    phaseTable(phases),
    `Locks of a short transaction are asked for all at once, for 50 ms at most, then let go and tried again. ${readingTime(review)}`,
    `## Hazards${warnings.length > 0 ? ` (${count(warnings.length, 'warning')})` : ''}`,
    hazards.length > 0
      ? list([
          ...warnings.map(({ message }) => markdownWarning(message)),
          ...notes.map(({ message }) => escaped(message)),
        ])
      : 'None found.',
    '## Is it still in use?',
    `Read on ${minute(evidence.readAt)}. Nothing here proves that the feature is unused.`,
    list(
      signs.map(
        ({ kind, text, code: sql }) =>
          `${kind === 'used' ? '**Used:** ' : kind === 'unknown' ? 'Not known: ' : ''}${escaped(text)}${sql === undefined ? '' : `: ${code(sql)}`}`,
      ),
    ),
    folded(
      `Every object, and why it is in the plan (${bare(objects.length)})`,
      table(
        ['object', 'becomes', 'why'],
        objects.map(({ object, fate, why }) => [code(object), escaped(fate), escaped(why)]),
      ),
    ),
    folded(`Every statement of the removal (${bare(statements.length)})`, block('sql', script(phases, statements))),
    folded(
      `Every statement of the restore (${bare(restore.length)})`,
      block('sql', script(restorePhasesOf(restore), restore)),
    ),
  ].join('\n\n')
}

/** As it stands in the list of hazards. */
export const markdownWarning = (message: string): string => `**Warning:** ${escaped(message)}`

/** A restore's plan. */
export function restoreAsMarkdown(review: RestoreReview): string {
  const { feature, removal, goesOnIn, statements, phases, backups } = review
  return [
    `# Plan: restore ${code(feature)}`,
    removal === null
      ? 'As planned now; the feature has not been removed.'
      : `From the ledger: run ${removal.run} removed it${removal.at === null ? '' : ` on ${minute(removal.at)}`}.`,
    ...(goesOnIn === null ? [] : [`Its restore has begun: ${goesOn(goesOnIn)}.`]),
    head(review),
    '## From these backups',
    backupTable(backups, review.from === 'ledger'),
    '## Who waits',
    phaseTable(phases),
    folded(`Every statement (${bare(statements.length)})`, block('sql', script(phases, statements))),
  ].join('\n\n')
}

function verdict({ phases, hazards, evidence }: RemovalReview): string {
  const long = phases.some((phase) => phase.held === 'as long as it takes')
  const used = signsOf(evidence).filter((sign) => sign.kind === 'used').length
  const warnings = hazards.filter((hazard) => hazard.severity === 'warning').length
  return [
    long ? 'Others wait **as long as it takes** in one of the phases.' : 'Others wait for milliseconds, twice.',
    `${warnings === 0 ? 'No warning' : `**${count(warnings, 'warning')}**`}, ${used === 0 ? 'no sign' : `**${count(used, 'sign')}**`} of use.`,
  ].join(' ')
}

function head({
  database,
  serverVersion,
  role,
  plannedAt,
  packageVersion,
  fingerprint,
}: RemovalReview | RestoreReview) {
  return [
    `Planned ${minute(plannedAt)} in database ${code(database)} (PostgreSQL ${serverVersion}) as ${code(role)}, kysely-unship ${packageVersion}.`,
    `Fingerprint: ${code(fingerprint)}`,
  ].join('<br>\n')
}

/** What becomes of the parts of a table that stays. */
const fates = ({ name }: ReviewUnit, objects: RemovalReview['objects']): string =>
  [...new Set(objects.filter((o) => o.relation === name).map((o) => o.fate))].join('; ')

const unitRow =
  ({ objects }: RemovalReview) =>
  (unit: ReviewUnit): string[] => {
    const own = objects.find((o) => o.object === `${unit.kind} ${unit.name}`)
    const what = unit.kind === 'columns' ? `${code(unit.name)}: ${unit.columns.map(code).join(', ')}` : code(unit.name)
    const becomes =
      unit.kind === 'columns' ? 'dropped after their values are copied' : (own?.fate ?? fates(unit, objects))
    return [
      what,
      unit.kind === 'parts' ? 'parts; it stays itself' : unit.kind,
      escaped(partsOf(unit)),
      escaped(becomes),
    ]
  }

function backupTable(backups: readonly BackupEstimate[], measured = false): string {
  if (backups.length === 0) return 'Nothing: no table and no stored column goes.'
  return table(
    ['table', 'holds', 'how', 'rows:', 'size:'],
    backups.map((backup) => [
      code(backup.table),
      escaped(backup.of),
      backup.how,
      rowsWord(backup),
      `${backup.how === 'copied' && !measured ? 'about ' : ''}${size(backup.bytes)}`,
    ]),
  )
}

function phaseTable(phases: readonly ReviewPhase[]): string {
  return table(
    ['phase', 'others wait', 'lock', 'on', 'what it does'],
    phases.map(({ phase, what, lock, relations, held }) => [
      phase,
      held === 'online' ? HELD[held] : `**${HELD[held]}**`,
      lock,
      relations.map(code).join(', '),
      escaped(what),
    ]),
  )
}

/** In a removal's plan the restore is told by its statements alone. */
function restorePhasesOf(restore: RemovalReview['restore']): ReviewPhase[] {
  return [...new Set(restore.map((s) => s.phase))].map((phase) => {
    const own = restore.filter((s) => s.phase === phase)
    return {
      phase,
      what: 'of the restore',
      statements: own.length,
      lock:
        own.find((s) => s.lock === 'ACCESS EXCLUSIVE')?.lock ??
        own.find((s) => s.lock !== null)?.lock ??
        'ACCESS SHARE',
      relations: [...new Set(own.flatMap((s) => s.relations))],
      held: own.find((s) => s.held !== 'online')?.held ?? 'online',
      locks: [],
      ahead: { locks: 0, statements: 0 },
    }
  })
}
