import { consoleProgress } from '../../console/index.ts'
import { UnshipError } from '../../errors.ts'
import { abortRemoval, abortRestore } from '../../run/removal/abort.ts'
import { readStatus, type FeatureStatus } from '../../run/status/read-status.ts'
import { ledgerFeatureArg, text, type Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'
import { actorArgs, runOptions } from '../run-options.ts'

export const abortCommand: Command = {
  name: 'abort',
  summary: 'Take back a removal or restore that broke off before its end',
  args: { ...ledgerFeatureArg, ...actorArgs },
  examples: [
    ['unship abort', 'the removal or restore that broke off'],
    ['unship abort program_partner --json', 'what it did, for a program'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async ({ db }) => {
      const { feature, abortable } = brokenOff(await readStatus(db), text(args, 'feature'))
      const abort = abortable ? abortRemoval : abortRestore
      const report = await abort(
        db,
        { name: feature },
        { ...runOptions(args), ...(!screen.json && { onProgress: consoleProgress() }) },
      )
      if (screen.json) screen.printJson(report)
      return EXIT.ok
    }),
}

function brokenOff(statuses: readonly FeatureStatus[], named: string | undefined): FeatureStatus {
  const broken = statuses.filter(
    ({ state, feature }) => (state === 'removing' || state === 'restoring') && (named ?? feature) === feature,
  )
  const [first, ...others] = broken
  if (!first)
    throw new UnshipError({
      code: 'nothing_to_abort',
      message: `no removal or restore${named === undefined ? '' : ` of feature ${named}`} is unfinished`,
      detail: statuses.map(({ feature, state }) => `${feature}: ${state}.`).join('\n') || 'The ledger knows no run.',
      hint: 'There is nothing to take back. kysely migrate:down brings a removed feature back.',
    })
  if (others.length > 0)
    throw new UnshipError({
      code: 'feature_ambiguous',
      message: 'more than one removal or restore is unfinished',
      detail: `Unfinished: ${broken.map(({ feature }) => feature).join(', ')}.`,
      hint: 'Name the one that is meant.',
    })
  if (first.active === true)
    throw new UnshipError({
      code: 'busy',
      message: `another session is ${first.state === 'removing' ? 'removing' : 'restoring'} feature ${first.feature}, or taking that back`,
      detail: `It is in phase "${first.phase ?? ''}".`,
      hint: 'Wait for it to end, or end that session; then run the same command again.',
    })
  return first
}
