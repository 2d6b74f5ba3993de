import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { NothingToRemove, RemovalReview, RestoreReview } from '../../plan/review/review.ts'
import { reviewRemoval } from '../../run/review/review-removal.ts'
import { reviewRestore } from '../../run/review/review-restore.ts'
import { checkPlan } from '../check-plan.ts'
import { featureArg, flag, text, type Call, type Command } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'
import { removalAsMarkdown, restoreAsMarkdown } from '../render/plan-markdown.ts'
import { removalAsText, restoreAsText } from '../render/plan-text.ts'
import { planAsSql } from '../render/sql.ts'
import { minute } from '../render/words.ts'
import type { Screen } from '../screen.ts'
import { forPeople } from '../../visible.ts'

export const planCommand: Command = {
  name: 'plan',
  summary: 'Show what a removal would do: objects, SQL, locks, hazards, signs of use',
  args: {
    ...featureArg,
    format: {
      type: 'enum',
      options: ['text', 'markdown', 'sql'],
      valueHint: 'text|markdown|sql',
      description: 'For the terminal, for a pull request, or a script to read',
    },
    down: { type: 'boolean', description: 'The restore instead of the removal' },
    check: {
      type: 'string',
      valueHint: 'file',
      description: 'Compare with a plan that was saved in any format; end with 3 if the database no longer matches',
    },
  },
  examples: [
    ['unship plan', 'the pending feature, for a terminal'],
    ['unship plan --format markdown > plans/program_partner.md', 'a plan to review in a pull request'],
    ['unship plan --check plans/program_partner.md', 'in a pipeline, before kysely migrate:latest'],
    ['unship plan program_partner --down --format sql', 'what a restore will run'],
  ],
  run: ({ args, screen }: Call) => {
    const file = text(args, 'check')
    if (file !== undefined && flag(args, 'down'))
      throw new UnshipError({
        code: 'invalid_usage',
        message: '--check and --down cannot be used together',
        detail: 'A saved plan is compared with the removal; a restore runs what the ledger holds.',
        hint: 'unship plan --help shows how it is used.',
      })
    return withProject(args, async (project) => {
      const { feature } = await project.feature(text(args, 'feature'))
      const format = text(args, 'format') ?? 'text'
      if (flag(args, 'down')) {
        show(await reviewRestore(project.db, feature), format, screen)
        return EXIT.ok
      }
      return file === undefined
        ? await plan(project.db, feature, format, screen)
        : await checkPlan(project.db, feature, file, screen)
    })
  },
}

async function plan(db: AnyKysely, feature: FeatureDeclaration, format: string, screen: Screen): Promise<ExitCode> {
  const review = await reviewRemoval(db, feature)
  if (review.direction === 'removal') show(review, format, screen)
  else if (screen.json) screen.printJson(review)
  else screen.printFolded(nothing(review))
  return EXIT.ok
}

function show(review: RemovalReview | RestoreReview, format: string, screen: Screen): void {
  if (screen.json) {
    screen.printJson(review)
    return
  }
  const shown = forPeople(review)
  if (format === 'sql') screen.print(planAsSql(shown))
  else if (format === 'markdown')
    screen.print(shown.direction === 'removal' ? removalAsMarkdown(shown) : restoreAsMarkdown(shown))
  else screen.printFolded(shown.direction === 'removal' ? removalAsText(shown, screen) : restoreAsText(shown, screen))
}

export function nothing({ feature, database, removal }: NothingToRemove): string {
  if (removal === null)
    return `${feature} is not in database ${database}, and was not removed from it: there is nothing to plan.`
  const when = removal.at === null ? '' : ` on ${minute(removal.at)}`
  return `${feature} is removed from database ${database} (run ${removal.run}${when}); unship plan --down shows the restore.`
}
