import { describe, expect, test } from 'vitest'
import { planRemoval, removeFeature, type FeatureDeclaration } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { noTraces, readTraces, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('a feature that is there in part', () => {
  const database = useDatabase({ template: 'demo' })

  test('is refused with what is missing and what is there', async () => {
    await database().query(`
      drop view program_partner_compliance;
      drop function update_payment_method;
      alter table contacts drop column payment_method_notes;
      drop view program_partner_audit_history;
      drop table program_partner_audit_log`)
    const error = await refusedUnchanged(database(), 'feature_incomplete', () =>
      removeFeature(database().db, programPartner),
    )
    const [missing, there] = error.detail?.split('\n') ?? []
    expect(missing).toBe(
      'Missing: table program_partner_audit_log, view program_partner_audit_history, view program_partner_compliance, function update_payment_method, column contacts.payment_method_notes.',
    )
    expect(there).toMatch(/^There: table legacy_program_partner_corrections, .*column contacts\.last_payment_date/)
    expect(there).not.toContain('payment_method_notes')
    expect(await readTraces(database())).toEqual(noTraces)
    await refusedUnchanged(database(), 'feature_incomplete', () => planRemoval(database().db, programPartner))
  })

  test('so is one of whose names something else has become', async () => {
    await database().query(`
      drop view program_partner_compliance;
      set role crm_owner;
      create table program_partner_compliance (id int)`)
    const error = await refusedUnchanged(database(), 'feature_incomplete', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.detail).toContain('program_partner_compliance is something else than the declaration says')
  })

  test('one column alone is enough to be there in part', async () => {
    await database().query(`
      drop view program_partner_compliance, program_partner_audit_history;
      drop function update_payment_method, add_program_partner_status, remove_program_partner_status;
      drop table program_partner_audit_log, legacy_program_partner_corrections;
      alter table contacts drop column is_expected_program_partner, drop column payment_method,
        drop column payment_method_notes, drop column last_payment_date, drop column partner_status_notes;
      alter table subscriptions drop column payment_notes`)
    const error = await refusedUnchanged(database(), 'feature_incomplete', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.detail).toMatch(/There: column subscriptions\.payment_method\.$/m)
  })
})

describe('a declaration that says something else than the database', () => {
  const database = useDatabase()
  const create = () =>
    asOwner(database(), 'create table host (id int primary key, a text, b text); create view v as select id from host')

  test.each([
    [{ tables: ['v'] }, ['Missing: table v.', 'v is something else than the declaration says: a view.']],
    [
      { types: ['host'] },
      ['Missing: type host.', 'host is something else than the declaration says: the row type of a table.'],
    ],
    [
      { tables: ['v'], columns: { host: ['a'] } },
      ['Missing: table v.', 'There: column host.a.', 'v is something else than the declaration says: a view.'],
    ],
  ])('of a kind: %j', async (declared, lines) => {
    await create()
    const removing = () => removeFeature(database().db, { name: 'f', ...declared })
    const error = await refusedUnchanged(database(), 'feature_incomplete', removing)
    expect(error.detail).toBe(lines.join('\n'))
    expect(error.hint).toBe('Declare each name under what it is: a view under "views", for example.')
  })

  test.each([
    [{ all: 'hots' }, '"all": table hots does not exist in database'],
    [{ all: { host: ['a', 'aa'] } }, '"all": column host.aa is none that the feature takes.'],
    [{ all: { hots: ['a'] } }, '"all": column hots.a is none that the feature takes.'],
  ])('of what is counted: %j', async (counts, line) => {
    await create()
    const feature: FeatureDeclaration = { name: 'f', columns: { host: ['a'] }, counts: counts as never }
    const error = await refusedUnchanged(database(), 'invalid_declaration', () => planRemoval(database().db, feature))
    expect(error.detail).toContain(line)
    await planRemoval(database().db, { ...feature, counts: { all: { host: ['a'] }, rows: 'host' } as never })
  })
})
