import { checkHealth, type HealthCheck } from '../../run/check-health.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { withProject } from '../project/index.ts'

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
      const features = (await project.features()).map(({ feature }) => feature)
      const checks = await checkHealth(project.db, features)
      const healthy = checks.every(({ result }) => result !== 'problem')
      if (screen.json) screen.printJson({ healthy, checks })
      else
        screen.printFolded([...checks.map(asText), healthy ? 'Nothing is broken.' : 'Something is broken.'].join('\n'))
      return healthy ? EXIT.ok : EXIT.notHealthy
    }),
}

const MARKS = { ok: 'ok      ', note: 'note    ', problem: 'PROBLEM ' } as const

const asText = ({ feature, check, result, found }: HealthCheck): string =>
  [
    `${MARKS[result]}${feature === null ? '' : `${feature}: `}${check}`,
    ...found.map((line) => `          ${line}`),
  ].join('\n')
