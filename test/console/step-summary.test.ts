import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stepSummary, writeStepSummary } from '../../src/console/step-summary.ts'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { removal, restore } from './examples.ts'

const database = useDatabase({ template: 'demo' })

test('says what a run did, in Markdown', () => {
  const summary = stepSummary({ ...removal, warnings: ['a <b> | c'] })
  expect(summary).toMatch(/^### Removal of `program_partner`: removed\n\nIt took 1\.23 s\. Locks/)
  expect(summary).toContain('| `public.backup_big` |')
  expect(summary).toContain('- a \\<b\\> \\| c')
  expect(stepSummary(restore)).toContain(
    '| table | rows restored | new since | gone since |\n| --- | ---: | ---: | ---: |',
  )
  expect(stepSummary({ ...removal, phases: [], outcome: 'already removed' })).toContain('Nothing was to be done.')
})

test('is only written where a job asks for it, and a failure is told, not thrown', () => {
  expect(writeStepSummary(removal, {})).toBeNull()
  expect(writeStepSummary(removal, { GITHUB_STEP_SUMMARY: '/nowhere/summary.md' })).toMatch(/ENOENT/)
})

test('migrate:latest and migrate:down write it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unship-'))
  try {
    const settings = { DATABASE_URL: database().ownerUrl, GITHUB_STEP_SUMMARY: join(folder, 'summary.md') }
    expect(await kysely('migrate:latest', settings)).toMatchObject({ code: 0 })
    expect(await kysely('migrate:down', settings)).toMatchObject({ code: 0 })
    const text = await readFile(settings.GITHUB_STEP_SUMMARY, 'utf8')
    expect(text).toMatch(
      /### Removal of `program_partner`: removed[^]*\| partners \| 41 \|[^]*### Restore of `program_partner`: restored/,
    )
    const unwritable = { ...settings, GITHUB_STEP_SUMMARY: join(folder, 'no', 'summary.md') }
    const { code, output } = await kysely('migrate:latest', unwritable)
    expect(code).toBe(0)
    expect(output).toContain('the summary of the job could not be written')
  } finally {
    await rm(folder, { recursive: true })
  }
})
