import { describe, expect, test } from 'vitest'
import { planRemoval, removeFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { noTraces, readTraces, refusedUnchanged } from '../support/refusal.ts'

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
