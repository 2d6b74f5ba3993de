import { consoleProgress } from '../../console/index.ts'
import { UnshipError } from '../../errors.ts'
import { abortRemoval } from '../../run/abort.ts'
import { readStatus, type FeatureStatus } from '../../run/read-status.ts'
import { ledgerFeatureArg, text, type Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'
import { actorArgs, runOptions } from '../run-options.ts'

export const abortCommand: Command = {
  name: 'abort',
  summary: 'Take a removal back that broke off before its end',
  args: { ...ledgerFeatureArg, ...actorArgs },
  examples: [
    ['unship abort', 'the removal that broke off'],
    ['unship abort program_partner --json', 'what it did, for a program'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async ({ db }) => {
      const feature = brokenOff(await readStatus(db), text(args, 'feature'))
      const report = await abortRemoval(
        db,
        { name: feature },
        { ...runOptions(args), ...(!screen.json && { onProgress: consoleProgress() }) },
      )
      if (screen.json) screen.printJson(report)
      return EXIT.ok
    }),
}

function brokenOff(statuses: readonly FeatureStatus[], named: string | undefined): string {
  const broken = statuses.filter(({ abortable, feature }) => abortable && (named ?? feature) === feature)
  const [first, ...others] = broken
  if (!first)
    throw new UnshipError({
      code: 'nothing_to_abort',
      message: named === undefined ? 'no removal is unfinished' : `no removal of feature ${named} is unfinished`,
      detail: statuses.map(({ feature, state }) => `${feature}: ${state}.`).join('\n') || 'The ledger knows no run.',
      hint: statuses.some(({ state, feature }) => state === 'restoring' && (named ?? feature) === feature)
        ? 'A restore has not ended: kysely migrate:down goes on with it, migrate:latest takes it back.'
        : 'There is nothing to take back. kysely migrate:down brings a removed feature back.',
    })
  if (others.length > 0)
    throw new UnshipError({
      code: 'feature_ambiguous',
      message: 'more than one removal is unfinished',
      detail: `Unfinished: ${broken.map(({ feature }) => feature).join(', ')}.`,
      hint: 'Name the one that is meant.',
    })
  if (first.active === true)
    throw new UnshipError({
      code: 'busy',
      message: `another session is removing feature ${first.feature}, or taking its removal back`,
      detail: `It is in phase "${first.phase ?? ''}".`,
      hint: 'Wait for it to end, or end that session; then run the same command again.',
    })
  return first.feature
}
