import { size } from '../../console/format.ts'
import { table } from '../../console/table.ts'
import { UnshipError } from '../../errors.ts'
import { purgeKept, type PurgeDecision, type PurgeReport } from '../../run/backups/purge.ts'
import { readStatus } from '../../run/status/read-status.ts'
import { ledgerFeatureArg, flag, text, type Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { fail, fieldsOf } from '../failure.ts'
import { withProject } from '../project/index.ts'
import { knownFeature } from '../project/known-feature.ts'
import { actorArgs, runOptions } from '../run-options.ts'

export const purgeCommand: Command = {
  name: 'purge',
  summary: 'Show what is kept, and why; drop what is past its day or confirmed by name',
  args: {
    feature: { ...ledgerFeatureArg.feature, description: 'A feature of the ledger; all if not given' },
    due: { type: 'boolean', description: 'Drop what is past its day' },
    confirm: {
      type: 'string',
      valueHint: 'feature',
      description: 'Drop what no removal depends on, whatever its day; with --due only what is past it',
    },
    'force-data-loss': {
      type: 'boolean',
      description: 'With --due or --confirm: backups too that a removal depends on. There is no restore after that',
    },
    ...actorArgs,
  },
  examples: [
    ['unship purge', 'what could be dropped, and when; drops nothing'],
    ['unship purge --due', 'in a nightly job: archives of restores after 30 days'],
    ['unship purge program_partner --confirm program_partner', 'the same now'],
    ['unship purge --confirm program_partner --force-data-loss', 'the backups of a removal: the end of all restores'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async ({ db }) => {
      const statuses = await readStatus(db)
      const confirmed = text(args, 'confirm')
      const named = text(args, 'feature') ?? confirmed
      if (confirmed !== undefined && confirmed !== named)
        throw usage(`--confirm names ${confirmed}, not ${named ?? ''}`)
      const forceDataLoss = flag(args, 'force-data-loss')
      const due = flag(args, 'due')
      if (forceDataLoss && !due && confirmed === undefined)
        throw usage('--force-data-loss goes with --confirm or --due')
      const features =
        named === undefined ? statuses.map(({ feature }) => feature) : [knownFeature(statuses, named, [])]
      const options = { ...runOptions(args), due, confirmed: confirmed !== undefined, forceDataLoss }
      const reports: PurgeReport[] = []
      const failures: { readonly feature: string; readonly error: unknown }[] = []
      // what stands in the way of one feature is no matter of the others
      for (const feature of features)
        await purgeKept(db, { name: feature }, options).then(
          (report) => reports.push(report),
          (error: unknown) => failures.push({ feature, error }),
        )
      const [first] = failures
      if (first && features.length === 1) throw first.error
      if (screen.json)
        screen.printJson([...reports, ...failures.map((f) => ({ feature: f.feature, error: fieldsOf(f.error) }))])
      else {
        if (reports.length > 0) screen.printFolded(reports.map(asText).join('\n\n'))
        else if (!first) screen.printFolded('The ledger knows no feature: nothing is kept.')
        for (const { error } of failures) fail(error, screen)
      }
      return first ? EXIT.failed : EXIT.ok
    }),
}

const usage = (message: string) =>
  new UnshipError({ code: 'invalid_usage', message, hint: 'unship purge --help shows how it is used.' })

function asText({ feature, dropped, kept }: PurgeReport): string {
  if (dropped.length + kept.length === 0) return `${feature}: nothing is kept.`
  return [
    ...(dropped.length > 0 ? [`${feature}: dropped`, ...rows(dropped)] : []),
    ...(kept.length > 0 ? [`${feature}: kept`, ...rows(kept)] : []),
  ].join('\n')
}

const rows = (tables: readonly PurgeDecision[]): string[] =>
  table(
    [{ heading: 'table' }, { heading: 'size', right: true }, { heading: 'why' }],
    tables.map(({ table: name, bytes, why }) => [name, size(bytes ?? 0), why]),
  ).map((line) => `  ${line}`)
