import { UnshipError } from '../../errors.ts'
import { readStatus } from '../../run/status/read-status.ts'
import { featureArg, text, type Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'
import { bears } from '../project/select.ts'
import { unrecordedMigrations } from '../project/unrecorded.ts'
import { statusAsText } from '../render/status.ts'
import { forPeople } from '../../visible.ts'

export const statusCommand: Command = {
  name: 'status',
  summary: 'Show what is installed, removed, under way, restored, archived, and what is kept',
  args: {
    feature: { ...featureArg.feature, description: 'A feature, or the migration that declares it; all if not given' },
  },
  examples: [
    ['unship status', 'every feature of the migrations and of the ledger'],
    ['unship status program_partner --json', 'one of them, for a program'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async (project) => {
      const found = await project.features()
      const features = found.map(({ feature }) => feature)
      const all = (await readStatus(project.db, features)).map((status) => ({
        ...status,
        unrecorded: unrecordedMigrations(found, status),
      }))
      const named = text(args, 'feature')
      const byMigration = found.filter((one) => named !== undefined && bears(one, named)).map((one) => one.feature.name)
      const statuses =
        named === undefined ? all : all.filter(({ feature }) => feature === named || byMigration.includes(feature))
      if (named !== undefined && statuses.length === 0)
        throw new UnshipError({
          code: 'feature_not_found',
          message: `neither the migrations nor the ledger know a feature "${named}"`,
          detail: `Features: ${all.map(({ feature }) => feature).join(', ') || 'none'}.`,
          hint: 'Name one of them, or none for all.',
        })
      if (screen.json) screen.printJson(statuses)
      else screen.printFolded(statusAsText(forPeople(statuses), screen))
      return EXIT.ok
    }),
}
