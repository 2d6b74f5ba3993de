import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useSharedDatabase } from '../support/database.ts'
import { ROOT } from '../support/kysely-ctl.ts'
import { CONFIG, json, migration, unship } from './support.ts'

const exec = promisify(execFile)
const database = useSharedDatabase({ template: 'demo' })
let folder: string

/** A project elsewhere that has the packed tarball where npm would install it, and our copies of what it depends on. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unship-'))
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '.bin'), { recursive: true })
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  const { stdout } = await exec('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
  })
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  await exec('tar', ['xzf', packed?.filename ?? ''], { cwd: folder })
  await rename(join(folder, 'package'), join(modules, 'kysely-unship'))
  const { bin } = JSON.parse(await readFile(join(modules, 'kysely-unship', 'package.json'), 'utf8')) as {
    bin: { unship: string }
  }
  const main = join(modules, 'kysely-unship', bin.unship)
  await chmod(main, 0o755) // as npm does
  await symlink(main, join(modules, '.bin', 'unship'))
  await mkdir(join(folder, 'migrations'))
  await writeFile(join(folder, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
  await writeFile(join(folder, 'kysely.config.ts'), CONFIG)
  await writeFile(
    join(folder, 'migrations', '1_remove_compliance.ts'),
    migration({ name: 'compliance', views: ['program_partner_compliance'] }),
  )
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
