import { consoleProgress } from '../../console/index.ts'
import { UnshipError } from '../../errors.ts'
import { MIGRATION_LOCK } from '../../migration-dialect.ts'
import { abortCompleteRemoval, abortRemoval, abortRestore } from '../../run/removal/abort.ts'
import { isLockHeld, readStatus, type FeatureStatus } from '../../run/status/read-status.ts'
import { ledgerFeatureArg, text, type Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject, type OpenProject } from '../project/index.ts'
import { unrecordedMigrations, withoutRecord } from '../project/unrecorded.ts'
import { actorArgs, runOptions } from '../run-options.ts'

export const abortCommand: Command = {
  name: 'abort',
  summary: 'Take back a removal or restore that broke off before its end',
  args: { ...ledgerFeatureArg, ...actorArgs },
  examples: [
    ['unship abort', 'the removal or restore that broke off'],
    ['unship abort program_partner', 'this one; also where it is removed, and its migration failed after that'],
    ['unship abort program_partner --json', 'what it did, for a program'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async (project) => {
      const { feature, abort } = await wayBack(project, text(args, 'feature'))
      const report = await abort(
        project.db,
        { name: feature },
        { ...runOptions(args), ...(!screen.json && { onProgress: consoleProgress() }) },
      )
      if (screen.json) screen.printJson(report)
      return EXIT.ok
    }),
}

interface WayBack {
  readonly feature: string
  readonly abort: typeof abortRemoval
}

/** Of what broke off; and, where it is named, of a removal that is complete in a migration that failed after it. */
async function wayBack(project: OpenProject, named: string | undefined): Promise<WayBack> {
  const { db } = project
  const statuses = await readStatus(db)
  const broken = brokenOff(statuses, named)
  if (broken) return { feature: broken.feature, abort: broken.abortable ? abortRemoval : abortRestore }
  const removed = statuses.filter(
    ({ feature, state }) => (state === 'removed' || state === 'archived') && (named ?? feature) === feature,
  )
  // asked first: a migrator that ends in between has made its record
  const migrating = removed.length > 0 && (await isLockHeld(db, MIGRATION_LOCK)) === true
  const found = removed.length > 0 ? await project.features() : []
  const unrecorded = removed.flatMap((status) => {
    const migrations = unrecordedMigrations(found, status)
    return migrations.length > 0 ? [{ status, migrations }] : []
  })
  const [first] = unrecorded
  if (named === undefined || !first) throw nothingToAbort(statuses, named, unrecorded.map(asText))
  if (migrating) throw stillMigrating(first.migrations)
  return { feature: named, abort: abortCompleteRemoval }
}

const asText = ({ status, migrations }: { status: FeatureStatus; migrations: readonly string[] }) =>
  `${withoutRecord(status, migrations)}.`

const nothingToAbort = (
  statuses: readonly FeatureStatus[],
  named: string | undefined,
  unrecorded: readonly string[],
): UnshipError =>
  new UnshipError({
    code: 'nothing_to_abort',
    message: `no removal or restore${named === undefined ? '' : ` of feature ${named}`} is unfinished`,
    detail: statuses.map(({ feature, state }) => `${feature}: ${state}.`).join('\n') || 'The ledger knows no run.',
    hint:
      unrecorded.length > 0
        ? unrecorded.join('\n')
        : "There is nothing to take back. Where its migration is the last one on Kysely's record, kysely migrate:down brings a removed feature back.",
  })

/** It may have removed the feature, and go on. */
const stillMigrating = (migrations: readonly string[]): UnshipError =>
  new UnshipError({
    code: 'busy',
    message: `migrations are being run, and may yet get to the end of ${migrations.join(', ')}`,
    detail: "Another session holds Kysely's lock.",
    hint: 'Wait for it to end, then run the same command again.',
  })

function brokenOff(statuses: readonly FeatureStatus[], named: string | undefined): FeatureStatus | null {
  const broken = statuses.filter(
    ({ state, feature }) => (state === 'removing' || state === 'restoring') && (named ?? feature) === feature,
  )
  const [first, ...others] = broken
  if (!first) return null
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
