import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { useDatabase } from '../support/database.ts'
import { ROOT } from '../support/kysely-ctl.ts'
import { CONFIG, migration, unship } from '../cli/support.ts'
import { installedProject } from '../cli/installed.ts'

interface Step {
  readonly uses?: string
  readonly name?: string
  readonly if?: string
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
}

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly env: Readonly<Record<string, string>>; readonly steps: readonly Step[] }>
  >
}

interface Ran {
  readonly code: number
  readonly output: string
}

/** What GitHub knows. */
const CONTEXT: Readonly<Record<string, string>> = {
  'github.token': 'a-token',
  'github.actor': 'ada',
  'github.sha': 'c0ffee',
  'github.repository': 'example/crm',
  'github.server_url': 'https://github.example',
  'github.run_id': '42',
  'github.event.pull_request.number': '7',
  'github.event.head_commit.message': `Remove "compliance"; it's moved $(touch here)\n\nSee the plan.`,
}

/** Runs a workflow's shell steps as GitHub does, without those that install. Ends at the first that fails. */
async function run(file: string, folder: string, context: Record<string, string>): Promise<Ran> {
  const workflow = parse(await readFile(join(ROOT, 'examples/github', file), 'utf8')) as Workflow
  const filled = (env: Readonly<Record<string, unknown>> = {}) =>
    Object.fromEntries(
      Object.entries(env).map(([name, value]) => [
        name,
        String(value).replaceAll(/\$\{\{ (.*?) \}\}/g, (_, key: string) => {
          const known = { ...CONTEXT, ...context }[key]
          if (known === undefined) throw new Error(`${file} speaks of ${key}`)
          return known
        }),
      ]),
    )
  let ran: Ran = { code: 0, output: '' }
  const [job] = Object.values(workflow.jobs)
  for (const { run: script, env, if: when } of job?.steps ?? []) {
    if (script === undefined || script === 'npm ci') continue
    expect(script).not.toContain('${{') // it would be read as shell
    if (ran.code !== 0 && when !== 'always()') continue
    const settings = { ...filled(job?.env), ...filled(env) }
    const { code, output } = await shell(script, folder, settings)
    ran = { code: ran.code || code, output: ran.output + output }
  }
  return ran
}

async function shell(script: string, cwd: string, settings: Record<string, string>): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(PG|DATABASE_URL$|GITHUB|UNSHIP|TEST|VITEST|NODE_ENV$|npm_)/.test(name),
  )
  const env = {
    ...Object.fromEntries(inherited),
    ...settings,
    CI: 'true',
    PATH: [join(cwd, 'bin'), join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(':'),
    GITHUB_STEP_SUMMARY: join(cwd, 'summary.md'),
  }
  const child = spawn('bash', ['-e', '-c', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, output }
}

/** Stands for GitHub's own command: keeps what it was asked. */
const GH = `#!/bin/sh
echo "$GH_TOKEN: $*" >> gh.log
while [ $# -gt 0 ]; do [ "$1" = --body-file ] && cp "$2" comment-posted.md; shift; done
`

const database = useDatabase({ template: 'demo' })
const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function scratch(): Promise<string> {
  const folder = await installedProject({
    'kysely.config.ts': CONFIG,
    'bin/gh': GH,
    // npm's own takes a second each time; that it finds the command is tested elsewhere
    'bin/npx': '#!/bin/sh\nname=$1; shift; exec "node_modules/.bin/$name" "$@"\n',
    'migrations/1_remove_compliance.ts': migration({ name: 'compliance', views: ['program_partner_compliance'] })
      .replace('import {', 'import { consoleProgress,')
      .replaceAll('(db, feature)', '(db, feature, { onProgress: consoleProgress() })'),
  })
  folders.push(folder)
  for (const name of ['gh', 'npx']) await chmod(join(folder, 'bin', name), 0o755)
  await mkdir(join(folder, 'plans'))
  return folder
}

test('a pull request is rehearsed, its plan posted, and an outdated plan fails it; the deploy runs it', async ({
  skip,
}) => {
  if (!inject('server').hasPgDump) skip('no pg_dump for this server is on PATH')
  const folder = await scratch()
  const url = { 'secrets.REVIEW_DATABASE_URL': database().url, 'secrets.DATABASE_URL': database().ownerUrl }
  const plan = await unship(['plan', '--format', 'markdown'], { DATABASE_URL: database().url }, { cwd: folder })
  await writeFile(join(folder, 'plans', 'compliance.md'), plan.out)

  const reviewed = await run('pull-request.yml', folder, url)
  expect(reviewed, reviewed.output).toMatchObject({ code: 0 })
  const posted = await readFile(join(folder, 'comment-posted.md'), 'utf8')
  expect(posted).toMatch(/^## Rehearsal of `1_remove_compliance`: exact\n[^]*\n# Plan: remove `compliance`\n/)
  expect(posted).toMatch(/\n\[Every statement\]\(https:\/\/github.example\/example\/crm\/actions\/runs\/42\)\n$/)
  expect(await readFile(join(folder, 'gh.log'), 'utf8')).toBe(
    'a-token: pr comment 7 --edit-last --create-if-none --body-file comment.md\n',
  )
  const summary = await readFile(join(folder, 'summary.md'), 'utf8')
  expect(summary).toContain('Every statement of the removal')
  expect(summary).not.toContain('Removal of `compliance`') // the rehearsal's is no removal of theirs

  const deployed = await run('deploy.yml', folder, url)
  expect(deployed, deployed.output).toMatchObject({ code: 0 })
  expect(deployed.output).toMatch(
    /the database matches[^]*Removed compliance[^]*Nothing is broken[^]*compliance: removed since/,
  )
  expect(await database().query('select actor, reason, build from unship.runs')).toEqual([
    { actor: 'ada', reason: CONTEXT['github.event.head_commit.message'], build: 'c0ffee' },
  ])
  expect(await readFile(join(folder, 'summary.md'), 'utf8')).toContain('Removal of `compliance`: removed')

  // merged and deployed: the next pull request has nothing to review
  const next = await run('pull-request.yml', folder, url)
  expect(next, next.output).toMatchObject({ code: 0 })
  expect(await readFile(join(folder, 'gh.log'), 'utf8')).toMatch(/^[^\n]*\n$/)
}, 120_000)

test('a database that has drifted from the plan is not migrated', async () => {
  const folder = await scratch()
  const url = { 'secrets.REVIEW_DATABASE_URL': database().url, 'secrets.DATABASE_URL': database().ownerUrl }
  await writeFile(join(folder, 'plans', 'compliance.md'), `Fingerprint ${'0'.repeat(64)}`)
  const deployed = await run('deploy.yml', folder, url)
  expect(deployed, deployed.output).toMatchObject({ code: 3 })
  expect(deployed.output).toMatch(/no longer matches[^]*compliance: installed/)
  expect(await database().query(`select to_regclass('program_partner_compliance') is not null as there`)).toEqual([
    { there: true },
  ])
})
