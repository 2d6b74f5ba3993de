import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { defineFeature } from 'kysely-unship'
import { rehearsalAsText } from '../../src/cli/render/rehearsal.ts'
import { outcomeOf, type RehearsalReport } from '../../src/cli/render/rehearsal-report.ts'
import { SCHEMA } from '../rehearse/schema.ts'
import { useSharedDatabase } from '../support/database.ts'
import { CONFIG, json, migration, project, unship } from './support.ts'

const schema = ['--schema', 'schema.sql'] as const
const remove = (name: string, declaration: object) => ({
  [`migrations/${name}.ts`]: migration({ name, ...declaration }),
})
/** A restore, and something after it that should not be. */
const restoring = (name: string, declaration: object, after: string) => ({
  [`migrations/${name}.ts`]: migration({ name, ...declaration }).replace(
    'restoreFeature(db, feature)',
    `restoreFeature(db, feature).then(() => { ${after} })`,
  ),
})

describe('unship rehearse, with a schema from a file', () => {
  test('proves the restore without any connection; the report alone is on standard output', async () => {
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'schema.sql': SCHEMA,
      'summary.md': '',
      'migrations/1_first.ts': `export const up = async () => { throw new Error('was run long ago') }`,
      ...remove('kind', { columns: { item: ['kind', 'price'] } }),
    })
    const ended = await unship(
      ['rehearse', ...schema, '--format', 'markdown'],
      { GITHUB_STEP_SUMMARY: join(cwd, 'summary.md') },
      { cwd },
    )
    expect(ended.code).toBe(0)
    expect(ended.out).toMatch(/^## Rehearsal of `kind`: exact\n\nOn PostgreSQL 17\.\d+\. Exact: removed and restored/)
    expect(ended.out).toContain('- rows: 40 rows in 2 tables, made up')
    expect(ended.out).toMatch(/EXTENSION public.nowhere: .* \(speaks of nothing that is declared\)/)
    expect(ended.err).toContain('Removing …')
    expect(await readFile(join(cwd, 'summary.md'), 'utf8')).toBe('')
  })

  test('what differs is told, and it ends with 5', async () => {
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'schema.sql': SCHEMA,
      ...restoring('kind', { columns: { item: ['kind'] } }, `return db.schema.dropIndex('item_kind').execute()`),
    })
    const ended = await unship(['rehearse', ...schema], {}, { cwd })
    expect(ended.code).toBe(5)
    expect(ended.out).toMatch(/^not exact: removed and restored, and \d things? differs?$/m)
    expect(ended.out).toMatch(/What differs\n {2}index public.item_kind: was there, is not there\n/)
  })

  test('a refusal ends with 1; of two features one has to be named', async () => {
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'schema.sql': SCHEMA,
      ...remove('parents', { tables: ['parent'] }),
      ...remove('price', { columns: { item: ['price'] } }),
    })
    const ambiguous = await unship(['rehearse', ...schema], {}, { cwd })
    expect(ambiguous).toMatchObject({ code: 2, out: '', err: expect.stringContaining('more than one feature') })
    const refused = await unship(['rehearse', 'parents', ...schema, '--rows', '0', '--json'], {}, { cwd })
    expect(refused.code).toBe(1)
    expect(json(refused)).toMatchObject({ verdict: 'refused', proven: false, differences: [], error: { step: 'up' } })
    expect(json(refused).error.message).toContain('item_parent_fkey')
  })

  test("nothing is proven where no row could be made up for the feature's tables", () => {
    const outcome = (
      rows: Record<string, number>,
      rowsFrom: RehearsalReport['rowsFrom'] = 'made up',
      declaration: object = { columns: { item: ['kind'] } },
    ) =>
      outcomeOf({
        ...{ migration: '1_kind', schema: 'schema.sql', rowsFrom, perTable: 20 },
        features: [defineFeature()({ name: 'kind', ...declaration })],
        result: {
          ...{ verdict: 'exact', serverVersion: '17.1', rows, definitions: 9, dumpCompared: false },
          ...{ differences: [], leftOut: [], error: null },
        },
      })
    for (const other of [0, 10])
      expect(outcome({ 'public.item': 0, 'public.other': other })).toMatchObject({
        proven: false,
        sentence: expect.stringContaining('no row could be made up for tables of the feature') as string,
      })
    expect(outcome({ 'public.item': 1, 'public.other': 0 })).toMatchObject({ proven: true })
    const both = { tables: ['shop."Order"'], columns: { item: ['kind'] } }
    expect(outcome({ 'public.item': 0, 'shop."Order"': 1 }, 'made up', both)).toMatchObject({ proven: true })
    expect(outcome({ 'public.item': 0, 'shop."Order"': 0, 'public.x': 1 }, 'made up', both).proven).toBe(false)
    const views = { views: ['items'] }
    expect(outcome({ 'public.item': 1 }, 'made up', views)).toMatchObject({ proven: true })
    expect(outcome({ 'public.item': 0 }, 'made up', views)).toMatchObject({ proven: false })
    expect(outcome({ 'public.item': 0 }, 'none')).toMatchObject({ proven: true })
  })

  test('nothing is proven where what concerns the feature could not be loaded', () => {
    const report = (leftOut: string, verdict: 'exact' | 'refused' = 'exact'): RehearsalReport => ({
      ...{ migration: '1_kind', schema: 'schema.sql', rowsFrom: 'none', perTable: 0 },
      features: [defineFeature()({ name: 'kind', columns: { item: ['kind'] }, functions: ['shop.f(int)'] })],
      result: {
        ...{
          verdict,
          serverVersion: '17.1',
          rows: {},
          definitions: 9,
          dumpCompared: false,
          differences: [],
          error: null,
        },
        leftOut: [{ what: 'INDEX public.i', sql: leftOut, reason: 'access method "nowhere" does not exist' }],
      },
    })
    const shown = (of: RehearsalReport) => rehearsalAsText(of, outcomeOf(of), { bold: (t) => t, dim: (t) => t })
    for (const sql of [
      'CREATE INDEX i ON public.item USING nowhere (kind);',
      'GRANT ALL ON FUNCTION shop.f(int) TO x',
    ]) {
      expect(outcomeOf(report(sql))).toMatchObject({ proven: false })
      expect(shown(report(sql))).toMatch(/^not proven: [^]*! INDEX public.i: .*\(concerns the feature: not proven\)/m)
    }
    const other = report('CREATE INDEX i ON public.items USING nowhere (kinds);')
    expect(outcomeOf(other)).toMatchObject({ proven: true })
    expect(shown(other)).toMatch(/^exact: [^]*- INDEX public.i: .*\(speaks of nothing that is declared\)/m)
    expect(shown(report('on item', 'refused'))).toContain('perhaps only because')
  })

  test('wrong command lines are refused', async () => {
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'schema.sql': SCHEMA,
      ...remove('kind', { columns: { item: ['kind'] } }),
    })
    const cases: [string[], number, RegExp][] = [
      [[], 2, /^ERROR: {2}no schema is named/],
      [['--schema', 'nothing.sql'], 1, /^ERROR: {2}cannot read the schema nothing.sql/],
      [['--schema', 'kysely.config.ts'], 1, /^ERROR: {2}the schema is not what pg_dump writes/],
      [['--from', 'NO_SUCH_VARIABLE'], 2, /^ERROR: {2}--from names the variable NO_SUCH_VARIABLE, which is not set/],
      [['--from', 'host/crm'], 2, /^ERROR: {2}--from is not the URL/],
      [['--schema', 'schema.sql', '--sample'], 2, /^ERROR: {2}--sample needs --from/],
      [['--schema', 'schema.sql', '--rows', 'many'], 2, /^ERROR: {2}--rows is "many", which is no number/],
      [['--schema', 'schema.sql', '--major', '7'], 1, /no embedded PostgreSQL 7 is installed[^]*HINT: {2}npm install/],
    ]
    await Promise.all(
      cases.map(async ([words, code, message]) => {
        const ended = await unship(['rehearse', ...words], {}, { cwd })
        expect({ words, code: ended.code, out: ended.out }).toEqual({ words, code, out: '' })
        expect(ended.err).toMatch(message)
      }),
    )
  })
})

describe('unship rehearse --from a database', () => {
  const database = useSharedDatabase({ template: 'demo' })

  test('runs what is pending there, with its rows; what was run is not run again', async ({ skip }) => {
    if (!inject('server').hasPgDump) skip('no pg_dump for this server is on PATH')
    const cwd = await project({
      'kysely.config.ts': CONFIG,
      'migrations/1_run.ts': `export const up = async () => { throw new Error('again') }`,
      'migrations/2_pending.ts': `export const up = (db: any) => db.schema.alterTable('contacts').addColumn('late', 'text').execute()`,
      ...remove('3_late', { columns: { contacts: ['late', 'payment_method_notes'] } }),
    })
    await database().query(`create table kysely_migration (name text primary key, timestamp text not null);
      insert into kysely_migration values ('1_run', '2026-01-01T00:00:00Z')`)
    const words = ['rehearse', '--from', 'SOURCE', '--sample', '--rows', '30', '--major', '17', '--json']
    const ended = await unship(words, { SOURCE: database().url }, { cwd })
    expect(ended).toMatchObject({ code: 0 })
    expect(json(ended)).toMatchObject({ verdict: 'exact', proven: true, migration: '3_late', leftOut: [] })
    expect(json(ended).rows['public.contacts']).toBeGreaterThanOrEqual(30)
    expect(json(ended).rows).not.toHaveProperty('public.kysely_migration')

    await database().query(
      `insert into kysely_migration values ('2_pending', '2026-01-02T00:00:00Z'), ('3_late', '2026-01-03T00:00:00Z')`,
    )
    expect(await unship(words, { SOURCE: database().url }, { cwd })).toMatchObject({
      code: 1,
      out: expect.stringContaining('was run in that database already'),
    })
  })

  test('an unreachable server is named without its password', async () => {
    const url = 'postgres://crm:b4ttery@127.0.0.1:1/crm'
    const cwd = await project({ 'kysely.config.ts': CONFIG, 'migrations/1_none.ts': '', '.env': `SOURCE=${url}` })
    for (const from of [url, 'SOURCE']) {
      const { code, out, err } = await unship(['rehearse', '--from', from], {}, { cwd })
      expect(code).toBe(1)
      expect(out + err).toContain('cannot connect to the server')
      expect(out + err).not.toContain('b4ttery')
    }
  })
})
