import { execFileSync } from 'node:child_process'
import { sql, type Kysely } from 'kysely'
import { describe, expect, inject, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { rehearse, type RehearsalOptions } from '../../src/rehearse/rehearse.ts'
import { useDatabase } from '../support/database.ts'
import { entry, SCHEMA } from './schema.ts'

const migration = (declaration: FeatureDeclaration) => {
  const feature = defineFeature()(declaration as { name: string })
  return {
    up: (db: Kysely<any>) => removeFeature(db, feature),
    down: (db: Kysely<any>) => restoreFeature(db, feature),
  }
}
const rehearsal = (options: Partial<RehearsalOptions> & Pick<RehearsalOptions, 'up' | 'down'>) =>
  rehearse({ schema: SCHEMA, rows: { perTable: 10 }, major: 17, ...options })

describe('a rehearsal', () => {
  test('is exact, and tells what it had to leave out', async () => {
    const found = await rehearsal(migration({ name: 'kind', columns: { item: ['kind', 'price'] } }))
    expect(found).toMatchObject({
      verdict: 'exact',
      differences: [],
      error: null,
      serverVersion: expect.stringMatching(/^17/),
    })
    expect(found.rows).toEqual({ 'public.parent': 10, 'public.item': 10 })
    expect(found.definitions).toBeGreaterThan(10)
    expect(found.leftOut.map((l) => l.what)).toEqual(['EXTENSION public.nowhere', 'TABLE public.place'])
  })

  test('is as exact where a check calls a function of the owner', async () => {
    const function_ = entry(
      'FUNCTION',
      'fine(text)',
      `CREATE FUNCTION public.fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'select true';
       ALTER FUNCTION public.fine(text) OWNER TO app; ALTER TABLE public.item ADD CHECK (public.fine(kind));`,
    )
    const columns = { item: ['kind'] }
    expect(await rehearsal({ ...migration({ name: 'kind', columns }), schema: SCHEMA + function_ })).toMatchObject({
      verdict: 'exact',
      error: null,
    })
  })

  test('sees what a restore has not brought back', async () => {
    const { up, down } = migration({ name: 'kind', columns: { item: ['kind'] } })
    const found = await rehearsal({
      up,
      async down(db) {
        await down(db)
        await sql`comment on column item.kind is null`.execute(db)
        await sql`update item set price = 2.00 where id = 3`.execute(db)
      },
    })
    expect(found.verdict).toBe('different')
    expect(found.differences.filter((d) => !d.startsWith('pg_dump'))).toEqual([
      expect.stringMatching(/^column public\.item\.kind: was .*its kind/),
      expect.stringMatching(/^rows of public\.item: was "10 rows/),
    ])
  })

  test('sees what became of tables and functions whose names begin as those of backups and archives do', async () => {
    const { up, down } = migration({ name: 'codes', tables: ['backup_codes'] })
    const found = await rehearsal({
      schema: [
        SCHEMA,
        entry('TABLE', 'backup_codes', 'CREATE TABLE public.backup_codes (id int PRIMARY KEY, code text);'),
        entry('TABLE', 'archive_years', 'CREATE TABLE public.archive_years (id int PRIMARY KEY, year int);'),
        entry(
          'FUNCTION',
          'backup_all()',
          `CREATE FUNCTION public.backup_all() RETURNS int LANGUAGE sql AS 'select 1';`,
        ),
      ].join(''),
      up,
      async down(db) {
        await down(db)
        await sql`drop table backup_codes; drop function backup_all(); update archive_years set year = 0`.execute(db)
      },
    })
    expect(found).toMatchObject({ error: null, verdict: 'different' })
    expect(found.differences).toEqual(
      expect.arrayContaining([
        'table public.backup_codes: was there, is not there',
        'function public.backup_all(): was there, is not there',
        'rows of public.backup_codes: was there, is not there',
        expect.stringMatching(/^rows of public\.archive_years: was "10 rows/),
      ]),
    )
  })

  test.each([
    ['no change', 'select', 'exact'],
    ['another text of the same json', `update doc set j = '{"a":2}' where id = 3`, 'different'],
    ['another sign of zero', 'update doc set f = 0 where id = 3', 'different'],
  ])('compares values as they are written: %s', async (_, after, verdict) => {
    const { up, down } = migration({ name: 'kind', columns: { doc: ['j', 'f'] } })
    const found = await rehearsal({
      schema: `${SCHEMA}${entry('TABLE', 'doc', 'CREATE TABLE public.doc (j json, id int PRIMARY KEY, f float8);')}`,
      prepare: (db) => sql`update doc set j = '{"a":  1, "a": 2}', f = '-0'`.execute(db),
      up,
      async down(db) {
        await down(db)
        await sql.raw(after).execute(db)
      },
    })
    expect(found).toMatchObject({ error: null, verdict })
  })

  test('is refused, or fails', async () => {
    const refused = await rehearsal(migration({ name: 'parents', tables: ['parent'] }))
    expect(refused).toMatchObject({ verdict: 'refused', differences: [], error: { step: 'up' } })
    expect(refused.error?.message).toContain('item_parent_fkey')
    const { up } = migration({ name: 'kind', columns: { item: ['kind'] } })
    const failed = await rehearsal({ up, down: () => Promise.reject(new Error('no way back')) })
    expect(failed).toMatchObject({ verdict: 'failed', error: { step: 'down', message: 'no way back' } })
    expect(failed.differences.join('\n')).toContain('column public.item.kind: was')
    expect(failed.differences.join('\n')).not.toContain('backup_kind_item')
  })

  test('demands what pg_dump writes', async () => {
    await expect(
      rehearsal({ ...migration({ name: 'f', tables: ['t'] }), schema: 'select 1', major: undefined }),
    ).rejects.toMatchObject({
      code: 'invalid_schema_dump',
    })
  })
})

describe('a rehearsal with rows of a database', () => {
  const database = useDatabase({ template: 'demo' })

  test('takes them with all that they refer to', async ({ skip }) => {
    if (!inject('server').hasPgDump) skip('no pg_dump for this server is on PATH')
    const schema = execFileSync('pg_dump', ['--schema-only', `--dbname=${database().url}`], { encoding: 'utf8' })
    const found = await rehearse({
      schema,
      major: 17,
      rows: { perTable: 25, from: database().url },
      up: (db) => removeFeature(db, programPartner),
      down: (db) => restoreFeature(db, programPartner),
    })
    expect(found).toMatchObject({ verdict: 'exact', leftOut: [], differences: [] })
    expect(found.rows).toMatchObject({ 'public.program_partner_audit_log': 3, 'public.subscriptions': 25 })
    // their own, and those of the subscriptions, notes and audit entries
    expect(found.rows['public.contacts']).toBeGreaterThan(25)
  })
})
