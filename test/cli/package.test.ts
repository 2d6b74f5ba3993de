import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useSharedDatabase } from '../support/database.ts'
import { installedProject } from './installed.ts'
import { CONFIG, json, migration, unship } from './support.ts'

const exec = promisify(execFile)
const database = useSharedDatabase({ template: 'demo' })
let folder: string

beforeAll(async () => {
  folder = await installedProject({
    'kysely.config.ts': CONFIG,
    'migrations/1_remove_compliance.ts': migration({ name: 'compliance', views: ['program_partner_compliance'] }),
  })
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

test('the command of the packed package runs through npx', async () => {
  const { stdout } = await exec('npx', ['--no-install', 'unship', '--help'], { cwd: folder })
  expect(stdout).toMatch(/COMMANDS[^]*plan[^]*purge/)
})

test('and plans in a project that installed it', async () => {
  const ended = await unship(
    ['plan', 'remove_compliance', '--json'],
    { DATABASE_URL: database().ownerUrl },
    { cwd: folder, bin: join(folder, 'node_modules', 'kysely-unship', 'dist', 'cli', 'main.js') },
  )
  expect(ended).toMatchObject({ code: 0, err: '' })
  expect(json(ended)).toMatchObject({
    feature: 'compliance',
    units: [{ name: 'program_partner_compliance', kind: 'view' }],
  })
})
