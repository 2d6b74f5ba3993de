import { describe, expect, test } from 'vitest'
import { abortRemoval, planRemoval, removeFeature, restoreFeature, reviewRestore } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { killedAt } from './broken.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase({ template: 'demo' })

const dropFeature = () =>
  database().query(`
    drop view program_partner_compliance, program_partner_audit_history;
    drop function update_payment_method, add_program_partner_status, remove_program_partner_status;
    drop table program_partner_audit_log, legacy_program_partner_corrections;
    alter table contacts drop column is_expected_program_partner, drop column payment_method,
      drop column payment_method_notes, drop column last_payment_date, drop column partner_status_notes;
    alter table subscriptions drop column payment_method, drop column payment_notes`)

describe('a feature that is not there', () => {
  test('is recorded as absent, and there is nothing to restore', async () => {
    await dropFeature()
    const before = await readState(database())
    const removed = await removeFeature(database().db, programPartner, { reason: 'a fresh environment', actor: 'ci' })
    expect(removed).toMatchObject({ outcome: 'absent', backups: [], counts: {}, longestLockMs: 0 })
    expect(await database().query('select direction, state, reason, actor from unship.runs')).toEqual([
      { direction: 'removal', state: 'absent', reason: 'a fresh environment', actor: 'ci' },
    ])
    const restored = await restoreFeature(database().db, programPartner)
    expect(restored).toMatchObject({ outcome: 'absent', hosts: [], retired: [], setAside: [] })
    expect(await readState(database())).toEqual(before)
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: absent'] })
  })

  test('is absent the second time too', async () => {
    await dropFeature()
    for (let n = 0; n < 2; n++) {
      expect((await removeFeature(database().db, programPartner)).outcome).toBe('absent')
      expect((await restoreFeature(database().db, programPartner)).outcome).toBe('absent')
    }
  })

  test('needs no ledger for a restore that finds nothing', async () => {
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('absent')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('leaves nothing to abort', async () => {
    const error = await refusal('nothing_to_abort', abortRemoval(database().db, programPartner))
    expect(error.detail).toBe('The ledger knows no run of it.')
  })
})

describe('the same again', () => {
  test('a second removal changes nothing and says so', async () => {
    await removeFeature(database().db, programPartner)
    const after = { state: await readState(database()), traces: await readTraces(database()) }
    const second = await removeFeature(database().db, programPartner)
    expect(second).toMatchObject({ outcome: 'already removed', runId: '1', backups: [], longestLockMs: 0 })
    expect({ state: await readState(database()), traces: await readTraces(database()) }).toEqual(after)
    const error = await refusal('nothing_to_abort', abortRemoval(database().db, programPartner))
    expect(error.hint).toContain('migrate:down')
  })

  test('a second restore changes nothing and says so', async () => {
    await removeFeature(database().db, programPartner)
    await restoreFeature(database().db, programPartner)
    const after = { state: await readState(database()), traces: await readTraces(database()) }
    const second = await restoreFeature(database().db, programPartner)
    expect(second).toMatchObject({ outcome: 'already restored', runId: '2', retired: [] })
    expect({ state: await readState(database()), traces: await readTraces(database()) }).toEqual(after)
  })

  test('a feature that came back by hand is not taken for removed', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`alter table subscriptions add payment_method text, add payment_notes text`)
    await refusal('feature_incomplete', removeFeature(database().db, programPartner))
  })
})

describe('to and fro', () => {
  test('three times: the same each time, every backup is kept and accounted for', async () => {
    const before = await readState(database())
    const archives: string[] = []
    for (let round = 1; round <= 3; round++) {
      const removed = await removeFeature(database().db, programPartner)
      expect(removed.backups.find((b) => b.table === 'backup_program_partner_contacts')?.rows).toBe(41)
      const restored = await restoreFeature(database().db, programPartner)
      expect(restored.warnings).toEqual([])
      expect(Object.fromEntries(restored.retired.map((r) => [r.backup, r.became]))).toEqual({
        backup_program_partner_contacts: expect.stringMatching(
          /^archive_program_partner_contacts_\d{4}(_\d\d){2}_\d{6}(_\d+)?$/,
        ) as string,
        backup_program_partner_subscriptions: expect.stringMatching(
          /^archive_program_partner_subscriptions_/,
        ) as string,
        backup_program_partner_audit_log: 'program_partner_audit_log',
        backup_legacy_program_partner_corrections: 'legacy_program_partner_corrections',
      })
      archives.push(...restored.retired.map((r) => r.became).filter((name) => name.startsWith('archive_')))
      expect(await readState(database())).toEqual(before)
    }
    expect(new Set(archives).size).toBe(6)
    const traces = await readTraces(database())
    expect(traces).toMatchObject({ onHosts: [], watches: [] })
    expect([...traces.tables].sort()).toEqual([...archives].sort())
    expect(traces.runs).toEqual(Array.from({ length: 3 }, () => ['removal: done', 'restore: done']).flat())

    for (const name of archives.filter((a) => a.includes('contacts'))) {
      const [{ rows, comment } = {}] = await database().query(
        `select count(*)::int as rows, obj_description('${name}'::regclass) as comment from ${name}`,
      )
      expect(rows).toBe(41)
      expect(comment).toMatch(
        /^Backup of contacts for feature program_partner, restored .* by kysely-unship \(run \d+\)$/,
      )
    }
    const events = await database().query<{ detail: { retired: { became: string }[] } }>(
      `select detail from unship.events where event = 'restored' order by id`,
    )
    expect(
      events.flatMap((e) => e.detail.retired.map((r) => r.became)).filter((n) => n.startsWith('archive_')),
    ).toEqual(archives)
  })

  test('more often than ten times: the latest run counts', async () => {
    for (let round = 1; round <= 6; round++) {
      expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
      expect((await removeFeature(database().db, programPartner)).outcome).toBe('already removed')
      expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
      expect((await restoreFeature(database().db, programPartner)).outcome).toBe('already restored')
    }
  })

  test('an archive is for its owner only, whatever default privileges say', async () => {
    await database().query('alter default privileges for role crm_owner grant select on tables to crm_app, public')
    await removeFeature(database().db, programPartner)
    await restoreFeature(database().db, programPartner)
    const { tables } = await readTraces(database())
    for (const name of tables)
      expect(await database().query(`select has_table_privilege('crm_app', '${name}', 'select') as may`)).toEqual([
        { may: false },
      ])
  })
})

describe('features of one name in two schemas', () => {
  const of = (schema: string) => ({ name: 'notes', schema, tables: ['notes'] })

  test('are not taken for each other', async () => {
    await database().query(`create schema one authorization crm_owner; create schema two authorization crm_owner`)
    await asOwner(
      database(),
      'create table one.notes (id int primary key); create table two.notes (id int primary key)',
    )
    expect((await removeFeature(database().db, of('one'))).outcome).toBe('removed')
    const error = await refusedUnchanged(database(), 'wrong_state', () => removeFeature(database().db, of('two')))
    expect(error.primary).toBe('the ledger knows feature notes in schema one, and the declaration means schema two')
    await refusedUnchanged(database(), 'wrong_state', () => restoreFeature(database().db, of('two')))
    // spelled otherwise it is the same, and a bare name asks for what is recorded
    const spelled = { name: 'notes', tables: ['one.notes'] }
    expect((await removeFeature(database().db, spelled)).outcome).toBe('already removed')
    expect((await restoreFeature(database().db, { name: 'notes' })).outcome).toBe('restored')
    await refusal('wrong_state', restoreFeature(database().db, of('two')))
    expect((await removeFeature(database().db, of('two'))).outcome).toBe('removed')
  })
})

describe('the fingerprint of a plan that was reviewed', () => {
  test('is demanded of a restore too, before anything changes and where it goes on', async () => {
    const { fingerprint } = await planRemoval(database().db, programPartner)
    await removeFeature(database().db, programPartner, { fingerprint })
    expect((await reviewRestore(database().db, programPartner)).fingerprint).toBe(fingerprint)
    const other = { fingerprint: 'of another plan' }
    const error = await refusedUnchanged(database(), 'plan_changed', () =>
      restoreFeature(database().db, programPartner, other),
    )
    expect(error.detail).toBe(`Demanded fingerprint of another plan, found ${fingerprint}.`)
    const killed = killedAt(database(), ['phase started', 'fill'])
    await refusal('server_unreachable', restoreFeature(database().db, programPartner, { ...killed, fingerprint }))
    await refusal('plan_changed', restoreFeature(database().db, programPartner, other))
    expect((await restoreFeature(database().db, programPartner, { fingerprint })).outcome).toBe('restored')
    expect((await restoreFeature(database().db, programPartner, other)).outcome).toBe('already restored')
  })
})
