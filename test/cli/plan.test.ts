import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFeature, restoreFeature, reviewRestore } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { killedAt } from '../states/broken.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { json, project, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })

describe('unship plan', () => {
  test('tells what goes, what is kept, who waits, and changes nothing', async () => {
    const before = await readState(database(), { dump: false })
    const { code, out, err } = await unship(['plan'], settings())
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const line of [
      /^Removing program_partner takes away 7 columns of 2 tables, 2 views, 3 functions, 2 tables$/m,
      /^ {2}partners +41 rows$/m,
      /^ {2}payment data +1 row$/m,
      /^ {2}table program_partner_audit_log \(with .*2 policies/m,
      /backup_program_partner_contacts +41 +~\d.*copied$/m,
      /^ {2}cut over +milliseconds .*ACCESS EXCLUSIVE/m,
      /^ {2}copy +nobody waits .*ACCESS SHARE/m,
      /contacts_set_updated_at of contacts and subscriptions_set_updated_at of subscriptions/,
    ])
      expect(out).toMatch(line)
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('has everything in its JSON, and the fingerprint that a removal demands', async () => {
    const ended = await unship(['plan', 'program_partner', '--json'], settings())
    expect(ended.code).toBe(0)
    const plan = json(ended)
    expect(plan).toMatchObject({
      format: 1,
      direction: 'removal',
      feature: 'program_partner',
      role: 'crm_owner',
      counts: [{ label: 'partners', rows: 41 }, { label: 'audit entries', rows: 3 }, {}, {}, {}],
    })
    expect(plan.backups).toEqual([
      expect.objectContaining({ table: 'backup_program_partner_contacts', how: 'copied', rows: 41, exact: true }),
      expect.objectContaining({ table: 'backup_program_partner_subscriptions', how: 'copied', rows: 0, bytes: 0 }),
      expect.objectContaining({ table: 'backup_program_partner_audit_log', how: 'renamed', rows: 3 }),
      expect.objectContaining({ table: 'backup_legacy_program_partner_corrections', how: 'renamed', rows: 0 }),
    ])
    expect(plan.objects).toContainEqual({
      object: 'index idx_contacts_expected_partner',
      kind: 'index',
      relation: 'contacts',
      fate: 'dropped with its columns; the restore builds it again',
      why: 'depends on column is_expected_program_partner',
    })
    expect(JSON.stringify(plan.objects)).not.toContain('RI_ConstraintTrigger')
    await removeFeature(database().db, programPartner, { fingerprint: plan.fingerprint })
  })

  test('the order of units is the order in which they go', async () => {
    const plan = json(await unship(['plan', '--json'], settings()))
    expect(plan.units.map((unit: { kind: string }) => unit.kind)).toEqual([
      ...['view', 'view', 'function', 'function', 'function', 'table', 'table', 'columns', 'columns'],
    ])
    expect(plan.dependencies).toContainEqual({
      from: 'program_partner_audit_history',
      to: 'program_partner_audit_log',
      how: 'depends on',
    })
    expect(plan.dependencies).not.toContainEqual(expect.objectContaining({ from: 'contacts' }))
  })

  test('shows what is done before others wait', async () => {
    const { out } = await unship(['plan', '--format', 'sql'], settings())
    const cutOver = out.slice(out.indexOf('-- phase cut over'))
    const places = [
      'lock table only "public"."contacts" in share update exclusive mode;',
      '-- compare the catalog with the plan',
      '-- from here on others wait',
      'lock table only "public"."contacts" in access exclusive mode;',
      'drop column',
    ].map((text) => cutOver.indexOf(text))
    expect(places).not.toContain(-1)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })

  test('prints a script', async () => {
    const { code, out } = await unship(['plan', '--format', 'sql'], settings())
    expect(code).toBe(0)
    expect(out).toMatch(/^-- fingerprint: [0-9a-f]{64}$/m)
    const cutOver = out.slice(out.indexOf('-- phase cut over'))
    expect(cutOver).toMatch(/begin;[^]*lock table only "public"."contacts" in access exclusive mode;[^]*commit;/)
    expect(cutOver).toMatch(
      /\nalter table "public"."program_partner_audit_log" rename to "backup_program_partner_audit_log";/,
    )
  })

  test('shows the restore before the removal, and from the ledger after it', async () => {
    const planned = json(await unship(['plan', '--down', '--json'], settings()))
    expect(planned).toMatchObject({ direction: 'restore', from: 'plan', removal: null })
    await removeFeature(database().db, programPartner)
    const recorded = json(await unship(['plan', '--down', '--json'], settings()))
    expect(recorded).toMatchObject({
      direction: 'restore',
      from: 'ledger',
      removal: { run: '1' },
      fingerprint: planned.fingerprint,
    })
    expect(recorded.statements).toHaveLength(planned.statements.length)
    for (const { phases } of [planned, recorded])
      expect(phases.find(({ phase }: { phase: string }) => phase === 'validate')?.relations).toEqual([
        'contacts',
        'legacy_program_partner_corrections',
        'program_partner_audit_log',
      ])
    expect(recorded.backups.map((backup: { rows: number }) => backup.rows)).toEqual([41, 0, 3, 0])
    const { out } = await unship(['plan', '--down', '--format', 'sql'], settings())
    expect(out).toContain('CREATE INDEX CONCURRENTLY idx_contacts_expected_partner')
    const { code, out: plan } = await unship(['plan'], settings())
    expect({ code, plan }).toEqual({
      code: 0,
      plan: expect.stringMatching(/^program_partner is removed from database/),
    })
  })

  test.each([
    ['add', ['phase started', 'add'], ['add', 'fill', 'build', 'verify', 'reveal', 'validate', 'record']],
    ['fill', ['phase started', 'fill'], ['fill', 'build', 'verify', 'reveal', 'validate', 'record']],
    ['validate', ['phase done', 'reveal'], ['validate', 'record']],
  ] as const)('shows what is left of a restore that broke off in phase %s', async (phase, moment, left) => {
    await removeFeature(database().db, programPartner)
    const whole = await reviewRestore(database().db, programPartner)
    expect(whole.goesOnIn).toBe(null)
    const call = restoreFeature(database().db, programPartner, killedAt(database(), moment))
    await refusal('server_unreachable', call)
    const rest = await reviewRestore(database().db, programPartner)
    expect(rest.goesOnIn).toBe(phase === 'add' ? null : phase)
    expect(rest.phases.map((p) => p.phase)).toEqual(left)
    const shown = (of: typeof rest) => of.statements.map((s) => `${String(s.n)}. ${s.phase}`)
    expect(shown(rest)).toEqual(shown(whole).filter((line) => left.some((name) => line.endsWith(` ${name}`))))
    if (phase !== 'validate') return
    const goesOn = 'goes on in phase validate, what comes before is done'
    for (const format of ['text', 'markdown', 'sql']) {
      const { out } = await unship(['plan', '--down', '--format', format], settings())
      expect(out).toContain(goesOn)
      expect(out).not.toMatch(/unship_hidden_\w+" boolean/)
    }
  })

  test('shows that a materialized view is built again', async () => {
    await asOwner(database(), 'create materialized view notes_of_payments as select payment_method_notes from contacts')
    const feature = { name: 'notes', columns: { contacts: ['payment_method_notes'] }, views: ['notes_of_payments'] }
    await removeFeature(database().db, feature)
    const call = restoreFeature(database().db, feature, killedAt(database(), ['phase done', 'build']))
    await refusal('server_unreachable', call)
    const { goesOnIn, statements } = await reviewRestore(database().db, feature)
    expect(goesOnIn).toBe('build')
    const of = (action: string) => statements.filter((s) => s.action === action).map(({ done }) => done)
    expect(of('materialized view')).toEqual([false])
    expect(statements.filter(({ done }) => done)).not.toEqual([])
  })

  test('says how large the copies will be, with the index on their key', async () => {
    await database().query(`update contacts set payment_method = 'card', payment_method_notes = repeat('note ', 5)`)
    const [estimate] = json(await unship(['plan', '--json'], settings())).backups
    await removeFeature(database().db, programPartner)
    const [kept] = await database().query<{ bytes: number }>(
      `select pg_total_relation_size('backup_program_partner_contacts')::integer as bytes`,
    )
    expect(estimate.rows).toBe(3000)
    expect(estimate.bytes / (kept?.bytes ?? 0)).toBeGreaterThan(0.85)
    expect(estimate.bytes / (kept?.bytes ?? 0)).toBeLessThan(1.1)
  })

  test('says which columns the restore puts elsewhere', async () => {
    const moving = async () =>
      json(await unship(['plan', '--json'], settings())).hazards.filter(
        (hazard: { code: string }) => hazard.code === 'column order',
      )
    expect(await moving()).toEqual([])
    await database().query('alter table subscriptions add later text')
    expect(await moving()).toEqual([
      expect.objectContaining({
        relation: 'subscriptions',
        message: expect.stringMatching(/^after a restore \w+, \w+ stand elsewhere/) as unknown,
      }),
    ])
  })

  test('says what the removal would refuse with', async () => {
    await database().query('create view outside as select payment_method from contacts')
    const { code, err } = await unship(['plan'], settings())
    expect(code).toBe(1)
    expect(err).toMatch(/^ERROR: {2}.*\nDETAIL: {2}[^]*outside[^]*\nHINT: {2}/)
    const error = json(await unship(['plan', '--json'], settings())).error
    expect(error).toMatchObject({ code: 'undeclared_dependents', suggestion: { views: ['outside'] } })
  })
})

describe('unship plan --check', () => {
  test.each(['text', 'markdown', 'sql', 'json'])('holds while the database is as reviewed: %s', async (format) => {
    const saved = await unship(format === 'json' ? ['plan', '--json'] : ['plan', '--format', format], settings())
    const file = join(await project({}), 'plan')
    await writeFile(file, saved.out)
    expect(await unship(['plan', '--check', file], settings())).toMatchObject({ code: 0, err: '' })

    await database().query('create index idx_notes on contacts (partner_status_notes)')
    const changed = await unship(['plan', '--check', file], settings())
    expect(changed).toMatchObject({ code: 3, err: '' })
    expect(changed.out).toContain('the database no longer matches')
    if (format === 'markdown' || format === 'json') {
      expect(changed.out).toMatch(/New since:\n {2}\+ index idx_notes/)
      expect(changed.out).not.toContain('No longer there')
    } else expect(changed.out).toContain('the saved plan holds no statements, only those of the removal, or the same')
  })

  test('holds after the removal that followed it, so that the next pipeline passes', async () => {
    const file = join(await project({}), 'plan.md')
    await writeFile(file, (await unship(['plan', '--format', 'markdown'], settings())).out)
    await removeFeature(database().db, programPartner)
    expect(await unship(['plan', '--check', file], settings())).toMatchObject({ code: 0 })
    await writeFile(file, `fingerprint: ${'0'.repeat(64)}`)
    const other = await unship(['plan', '--check', file, '--json'], settings())
    expect(other).toMatchObject({ code: 3 })
    expect(json(other)).toMatchObject({ matches: false, removed: true, fingerprint: '0'.repeat(64) })
  })

  test('refuses what is no plan', async () => {
    expect(await unship(['plan', '--check', 'README.md'], settings())).toMatchObject({
      code: 1,
      err: expect.stringContaining('README.md is no plan'),
    })
    expect(await unship(['plan', '--check', 'nothing.md'], settings())).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot read the plan'),
    })
  })
})
