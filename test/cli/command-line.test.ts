import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { useSharedDatabase } from '../support/database.ts'
import { CONFIG, json, migration, project, unship } from './support.ts'

const database = useSharedDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })
const secret = 'b4ttery-st4ple'
const unreachable = { DATABASE_URL: `postgres://crm:${secret}@127.0.0.1:1/crm` }

describe('unship', () => {
  test('shows what there is, and for each command options, examples and exit codes', async () => {
    const { code, out } = await unship(['--help'])
    expect(code).toBe(0)
    expect(out).toMatch(/COMMANDS[^]*plan[^]*EXIT CODES/)
    const help = await unship(['plan', '--help'])
    expect(help.code).toBe(0)
    for (const word of ['--format', '--check', '--down', '--json', '--config', 'EXAMPLES', 'EXIT CODES'])
      expect(help.out).toContain(word)
    expect(help.out).not.toContain('\u001b')
    expect((await unship(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/)
  })

  test.each([
    [['frobnicate'], /there is no command "frobnicate"\nDETAIL: {2}Commands: plan/],
    [['--frobnicate'], /unknown option --frobnicate/],
    [['plan', '--formt', 'sql'], /unknown option --formt\nHINT: {2}unship plan --help/],
    [
      ['plan', '--format', 'html'],
      /^ERROR: {2}--format is "html", which is none of text, markdown, sql\nHINT: {2}unship/,
    ],
    [['plan', '--format', 'json'], /none of text, markdown, sql\nHINT: {2}That is an option of its own: --json\. /],
    [['plan', '--format'], /option --format needs a value/],
    [['plan', '--check'], /option --check needs a value/],
    [['plan', '--check', '--down'], /option --check needs a value/],
    [['plan', '--check', 'plan.md', '--down'], /--check and --down cannot be used together/],
    [['purge', '--confirm', 'partner', '--force-data-loss=no'], /option --force-data-loss takes no value/],
    [['purge', '--forceDataLoss=no', '--due'], /option --force-data-loss takes no value/],
    [['plan', 'one', 'two'], /unexpected argument "two"/],
  ])('refuses a wrong command line: %j', async (words, message) => {
    const { code, err, out } = await unship(words)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
    expect(err).toMatch(/^ERROR: {2}/)
  })

  test('takes --json before the command, and tells in JSON that there is none', async () => {
    for (const words of [['--json'], ['--json', '--json']]) {
      const without = await unship(words)
      expect(without.code).toBe(2)
      expect(json(without).error).toMatchObject({ code: 'invalid_usage', message: 'no command is given' })
    }
    expect(json(await unship(['--json', 'status'], settings()))).toMatchObject([{ feature: 'program_partner' }])
    expect(json(await unship(['--json', 'frobnicate'])).error).toMatchObject({
      message: 'there is no command "frobnicate"',
    })
  })
})

describe.runIf(existsSync('/dev/full'))('output that cannot be written', () => {
  const full = async (which: 'out' | 'err', words: readonly string[], settings = {}) => {
    const device = await open('/dev/full', 'w')
    onTestFinished(() => device.close())
    return await unship(words, settings, { [which]: device.fd })
  }

  test.each([[['--version']], [['plan']], [['status', '--json']], [['plan', '--format', 'html', '--json']]])(
    'of %j is told in one line, and ends with a failure',
    async (words) => {
      const { code, err } = await full('out', words, settings())
      expect(code).toBe(words.includes('html') ? 2 : 1)
      expect(err).toBe('ERROR:  the output could not be written: ENOSPC: no space left on device, write\n')
    },
  )

  test('of an error changes nothing but that it cannot be read', async () => {
    expect(await full('err', ['frobnicate'])).toEqual({ code: 2, out: '', err: '' })
  })
})

describe('the project', () => {
  test('no configuration', async () => {
    const { code, err } = await unship(['plan'], settings(), { cwd: '/' })
    expect(code).toBe(1)
    expect(err).toMatch(/^ERROR: {2}there is no kysely.config file\nDETAIL: [^]*\nHINT: /)
    const named = json(await unship(['plan', '--config', 'nowhere.ts', '--json'], settings()))
    expect(named.error).toMatchObject({ code: 'no_config', message: 'there is no file nowhere.ts' })
  })

  test('no migrations folder, which is not made', async () => {
    const cwd = await project({ 'kysely.config.ts': CONFIG })
    for (const _ of [1, 2]) {
      const { code, err } = await unship(['plan'], settings(), { cwd })
      expect(code).toBe(1)
      expect(err).toMatch(/^ERROR: {2}there is no migrations folder .*migrations\nDETAIL: /)
    }
  })

  test('a file that cannot be loaded is named, without a stack', async () => {
    const broken: [string, RegExp][] = [
      ['export const up = (', /^ERROR: {2}cannot load .*1_broken.ts\nDETAIL: {2}ParseError: [^]*\nHINT: /],
      [`import 'nowhere'`, /^ERROR: {2}cannot load .*1_broken.ts\nDETAIL: {2}Cannot find module 'nowhere'\n/],
      [`throw new Error('oh')`, /DETAIL: {2}oh\n +at .*1_broken.ts:1:\d+\nHINT: /],
      [`throw 'oh'`, /DETAIL: {2}oh\nHINT: /],
    ]
    for (const [text, message] of broken) {
      const cwd = await project({ 'kysely.config.ts': CONFIG, 'migrations/1_broken.ts': text })
      const { code, err } = await unship(['plan'], settings(), { cwd })
      expect(code).toBe(1)
      expect(err).toMatch(message)
      expect(err).not.toMatch(/jiti|node:internal/)
    }
    const cwd = await project({ 'kysely.config.ts': 'export default {' })
    const { code, err } = await unship(['plan'], settings(), { cwd })
    expect(code).toBe(1)
    expect(err).toMatch(/^ERROR: {2}cannot load .*kysely.config.ts\nDETAIL: {2}ParseError: /)
    expect(err).not.toContain('    at ')
  })

  test('no feature among the migrations', async () => {
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'migrations/1_nothing.ts': 'export const up = async () => {}',
    })
    expect(await unship(['plan'], settings(), { cwd })).toMatchObject({
      code: 2,
      err: expect.stringContaining('no migration exports a feature'),
    })
  })

  test('which feature is meant: by its name, its migration, or the only one that is pending', async () => {
    const cwd = await project({
      '.config/kysely.config.ts': CONFIG.replace("'migrations'", "'../db'"),
      'db/1_first.ts': migration({ name: 'first', views: ['program_partner_audit_history'] }),
      'db/2_second.ts': migration({ name: 'second', views: ['program_partner_compliance'] }),
    })
    const ambiguous = await unship(['plan', '--json'], settings(), { cwd })
    expect(ambiguous.code).toBe(2)
    expect(json(ambiguous).error).toMatchObject({
      code: 'feature_ambiguous',
      detail: 'Pending: first (1_first), second (2_second).',
    })
    for (const name of ['second', '2_second'])
      expect(json(await unship(['plan', name, '--json'], settings(), { cwd })).feature).toBe('second')
    expect(await unship(['plan', 'third'], settings(), { cwd })).toMatchObject({
      code: 2,
      err: expect.stringContaining('Features: first (1_first), second (2_second).'),
    })
    await database().query(`create table kysely_migration (name text primary key, timestamp text not null);
      grant select on kysely_migration to crm_owner;
      insert into kysely_migration values ('1_first', '2026-01-01T00:00:00Z')`)
    expect(json(await unship(['plan', '--json'], settings(), { cwd })).feature).toBe('second')
    const asApp = { DATABASE_URL: database().ownerUrl.replaceAll('crm_owner', 'crm_app') }
    for (const command of ['plan', 'status', 'verify', 'notice'])
      expect(await unship([command], asApp, { cwd })).toMatchObject({
        code: 1,
        err: expect.stringMatching(
          /^ERROR: {2}the role may not read which migrations were run\nDETAIL: {2}permission denied for table kysely_migration\.\nHINT: .*\n$/,
        ),
      })
    await database().query('drop table kysely_migration')
  })
})

describe('secrets', () => {
  test('an unreachable server is named without its password', async () => {
    for (const words of [['plan'], ['plan', '--json']]) {
      const { code, out, err } = await unship(words, unreachable)
      expect(code).toBe(1)
      expect(out + err).toContain('cannot connect to the server')
      expect(out + err).not.toContain(secret)
    }
  })

  test('a configuration that throws its URL does not show it', async () => {
    const cwd = await project({
      'kysely.config.ts': `throw new Error('no host in ' + process.env.DATABASE_URL)`,
    })
    const { code, out, err } = await unship(['plan'], unreachable, { cwd })
    expect(code).toBe(1)
    expect(out + err).toContain('postgres://crm:***@127.0.0.1')
    expect(out + err).not.toContain(secret)
  })

  test('nor does the statement of another session', async () => {
    const client = await database().connect()
    await client.query(`select '${secret}' where false; /* program_partner_audit_log password '${secret}' */`)
    const { out } = await unship(['plan', '--json'], settings())
    expect(json({ code: 0, out, err: '' }).evidence.sessions.using).toEqual([
      expect.objectContaining({ query: expect.stringMatching(/^select '\.\.\.' where false;\s*$/) as unknown }),
    ])
  })
})
