import { readFile } from 'node:fs/promises'
import type { AnyKysely } from '../any-kysely.ts'
import { oneLine } from '../console/format.ts'
import { UnshipError } from '../errors.ts'
import type { FeatureDeclaration } from '../feature.ts'
import type { LedgerRun } from '../ledger/recorded.ts'
import type { RemovalReview } from '../plan/review/review.ts'
import { reviewRunAgain } from '../run/review/review-removal.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { visibleLine } from '../visible.ts'
import { compareWithSaved, type PlanDifference } from './saved-plan.ts'
import type { Screen } from './screen.ts'

/** Compares the database with a plan that was reviewed, and says what changed. */
export async function checkPlan(
  db: AnyKysely,
  feature: FeatureDeclaration,
  file: string,
  screen: Screen,
): Promise<ExitCode> {
  const saved = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UnshipError({
      code: 'plan_unreadable',
      message: `cannot read the plan ${file}`,
      detail: error instanceof Error ? error.message : String(error),
      hint: 'Name a file that unship plan wrote: Markdown, SQL or JSON.',
      cause: error,
    })
  })
  const { review, brokeOff } = await reviewRunAgain(db, feature)
  const difference = compareWithSaved(saved, file, review.direction === 'removal' ? review : null)
  const found = review.direction === 'removal' ? review.fingerprint : (review.removal?.fingerprint ?? null)
  const matches = found === difference.fingerprint && difference.warnings.length === 0
  if (screen.json)
    screen.printJson({
      feature: feature.name,
      matches,
      removed: review.direction === 'none' && review.removal !== null,
      ...difference,
      found,
    })
  else if (matches)
    screen.print(
      review.direction === 'removal'
        ? `${feature.name}: the database matches ${file}.`
        : `${feature.name} is removed, by the plan in ${file}.`,
    )
  else screen.print(changed(feature, file, difference, review.direction === 'removal' ? review : null))
  if (brokeOff && matches && !screen.json) screen.print(runsAgain(brokeOff))
  return matches ? EXIT.ok : EXIT.planChanged
}

const runsAgain = ({ id, phase }: LedgerRun) =>
  `Its removal broke off in phase "${phase}" (run ${id}): kysely migrate:latest ${
    phase === 'record' ? 'finishes it' : 'takes that back and begins anew'
  }.`

function changed(
  { name }: FeatureDeclaration,
  file: string,
  { fingerprint, added, missing, warnings }: PlanDifference,
  review: RemovalReview | null,
): string {
  const line = (sql: string) => oneLine(sql, 200)
  return [
    review === null
      ? `${name} is not in the database, and was not removed by the plan in ${file}.`
      : `${name}: the database no longer matches ${file}.`,
    ...(review?.fingerprint === fingerprint ? [] : [`  reviewed ${fingerprint}`]),
    ...(review === null || review.fingerprint === fingerprint ? [] : [`  now      ${review.fingerprint}`]),
    ...(warnings.length > 0
      ? ['Warnings that were not reviewed:', ...warnings.map((warning) => `  ! ${visibleLine(warning)}`)]
      : []),
    ...(added.length > 0 ? ['New since:', ...added.map((sql) => `  + ${line(sql)}`)] : []),
    ...(missing.length > 0 ? ['No longer there:', ...missing.map((sql) => `  - ${line(sql)}`)] : []),
    ...(added.length + missing.length === 0 && review !== null && review.fingerprint !== fingerprint
      ? [
          'What changed cannot be told: the saved plan holds no statements, only those of the removal, or the same in another order.',
        ]
      : []),
    'Plan again, review what changed, and commit the new plan.',
  ].join('\n')
}
