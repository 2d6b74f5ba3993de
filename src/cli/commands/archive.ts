import { UnshipError } from '../../errors.ts'
import { archiveBackups, isDay, type ArchiveReport } from '../../run/backups/archive.ts'
import { addDays } from '../../run/backups/kept-tables.ts'
import { readStatus } from '../../run/status/read-status.ts'
import { ledgerFeatureArg, text, type Arguments, type Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'
import { knownFeature } from '../project/known-feature.ts'
import { actorArgs, runOptions } from '../run-options.ts'

export const archiveCommand: Command = {
  name: 'archive',
  summary: 'Rename the backups of a removal, to be kept; a restore still finds them',
  args: {
    ...ledgerFeatureArg,
    'keep-until': { type: 'string', valueHint: 'YYYY-MM-DD', description: 'The day until which they are kept' },
    'keep-days': { type: 'string', valueHint: 'number', description: 'The same, in days from today' },
    ...actorArgs,
  },
  examples: [
    ['unship archive program_partner --keep-days 365', 'for a year from now'],
    ['unship archive program_partner --keep-until 2030-12-31', 'changes the day of what is archived already'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async ({ db }) => {
      const keepUntil = dayOf(args)
      const feature = knownFeature(await readStatus(db), text(args, 'feature'), ['removed', 'archived', 'purged'])
      const report = await archiveBackups(
        db,
        { name: feature },
        { ...runOptions(args), ...(keepUntil !== undefined && { keepUntil }) },
      )
      if (screen.json) screen.printJson(report)
      else screen.printFolded(asText(report))
      return EXIT.ok
    }),
}

function dayOf(args: Arguments): string | undefined {
  const day = text(args, 'keep-until')
  const days = text(args, 'keep-days')
  const wrong = (message: string) =>
    new UnshipError({ code: 'invalid_usage', message, hint: 'unship archive --help shows how it is used.' })
  if (day !== undefined && days !== undefined) throw wrong('--keep-until and --keep-days cannot be used together')
  if (days !== undefined) {
    if (!/^\d{1,5}$/.test(days)) throw wrong(`--keep-days is "${days}", which is no number of days`)
    return addDays(new Date().toISOString(), Number(days))
  }
  if (day !== undefined && !isDay(day)) throw wrong(`--keep-until is "${day}", which is no day written YYYY-MM-DD`)
  return day
}

function asText({ feature, outcome, keepUntil, archived }: ArchiveReport): string {
  const until = keepUntil === null ? 'nobody has said until when' : `until ${keepUntil}`
  const what = {
    archived: `The backups of ${feature} are archived, ${until}:`,
    'kept until another day': `The archives of ${feature} are kept ${until} now:`,
    'already archived': `The backups of ${feature} were archived before, ${until}:`,
  }[outcome]
  return [
    what,
    ...archived.map(({ backup, archive }) => `  ${backup} is ${archive}`),
    'kysely migrate:down restores from them as before.',
  ].join('\n')
}
