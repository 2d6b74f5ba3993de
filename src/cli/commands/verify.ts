import { checkHealth, type HealthCheck } from '../../run/status/check-health.ts'
import { readStatus, type FeatureStatus } from '../../run/status/read-status.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'
import type { FoundFeature } from '../project/migrations.ts'
import { unrecordedMigrations, withoutRecord } from '../project/unrecorded.ts'
import { minute } from '../render/words.ts'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'Check backups against their checksums, and that nothing is broken or left over',
  args: {},
  examples: [
    ['unship verify', 'after a removal or restore, and daily for as long as backups are kept'],
    ['unship verify --json', 'the same for a program'],
  ],
  run: ({ args, screen }) =>
    withProject(args, async (project) => {
      const found = await project.features()
      const features = found.map(({ feature }) => feature)
      const checks = await checkHealth(project.db, features)
      const statuses = await readStatus(project.db, features)
      checks.push(...unknownToLedger(found, statuses), ...unknownToKysely(found, statuses))
      const healthy = checks.every(({ result }) => result !== 'problem')
      if (screen.json) screen.printJson({ healthy, checks })
      else
        screen.printFolded([...checks.map(asText), healthy ? 'Nothing is broken.' : 'Something is broken.'].join('\n'))
      return healthy ? EXIT.ok : EXIT.notHealthy
    }),
}

/** A removal records what it found, be it nothing: who ran the migration and is not in the ledger has lost it. */
function unknownToLedger(found: readonly FoundFeature[], statuses: readonly FeatureStatus[]): HealthCheck[] {
  return found.flatMap(({ feature: { name }, migration, executedAt }) => {
    const { run = null } = statuses.find(({ feature }) => feature === name) ?? {}
    if (executedAt === null || run !== null) return []
    return [
      {
        feature: name,
        check: 'the ledger knows what its migration did',
        result: 'note',
        found: [
          `${migration} was run on ${minute(executedAt.toISOString())}, and the ledger has no run of it: schema unship was dropped since, or this is another database`,
        ],
      } as const,
    ]
  })
}

/** Not so while its migration goes on after the removal: a note. */
const unknownToKysely = (found: readonly FoundFeature[], statuses: readonly FeatureStatus[]): HealthCheck[] =>
  statuses.flatMap((status) => {
    const migrations = unrecordedMigrations(found, status)
    if (migrations.length === 0) return []
    const { feature } = status
    return [
      {
        feature,
        check: 'Kysely has its migration on record',
        result: 'note',
        found: [withoutRecord(status, migrations)],
      },
    ]
  })

const MARKS = { ok: 'ok      ', note: 'note    ', problem: 'PROBLEM ' } as const

const asText = ({ feature, check, result, found }: HealthCheck): string =>
  [
    `${MARKS[result]}${feature === null ? '' : `${feature}: `}${check}`,
    ...found.map((line) => `          ${line}`),
  ].join('\n')
