import { CamelCasePlugin } from 'kysely'
import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusedUnchanged } from '../support/refusal.ts'

const camelCase = defineFeature()({
  name: 'program_partner',
  views: ['programPartnerAuditHistory', 'programPartnerCompliance'],
  functions: ['addProgramPartnerStatus', 'removeProgramPartnerStatus', 'updatePaymentMethod'],
  tables: ['programPartnerAuditLog', 'legacyProgramPartnerCorrections'],
  columns: {
    contacts: [
      'isExpectedProgramPartner',
      'paymentMethod',
      'paymentMethodNotes',
      'lastPaymentDate',
      'partnerStatusNotes',
    ],
    subscriptions: ['paymentMethod', 'paymentNotes'],
  },
})

describe('names in another spelling', () => {
  const database = useDatabase({ template: 'demo' })

  test('camelCase names are refused where no plugin translates them', async () => {
    const error = await refusedUnchanged(database(), 'name_spelling', () => removeFeature(database().db, camelCase))
    expect(error.detail).toContain('table programPartnerAuditLog is called program_partner_audit_log there.')
    expect(error.detail).toContain('column contacts.paymentMethod is called payment_method there.')
    expect(error.hint).toContain('CamelCasePlugin')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('with the CamelCasePlugin they mean the snake_case names', async () => {
    const db = database().db.withPlugin(new CamelCasePlugin())
    const before = await readState(database())
    const removed = await removeFeature(db, camelCase)
    expect(removed.backups.map((b) => [b.table, b.rows])).toContainEqual(['backup_program_partner_contacts', 41])
    const restored = await restoreFeature(db, camelCase)
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })

  test('another letter case is refused, not taken for a feature that is not there', async () => {
    const upper = defineFeature()({ name: 'audit', tables: ['PROGRAM_PARTNER_AUDIT_LOG'] })
    await refusedUnchanged(database(), 'name_spelling', () => removeFeature(database().db, upper))
  })

  test('a host table in another spelling is refused', async () => {
    const upper = defineFeature()({ name: 'payment', columns: { Contacts: ['payment_method'] } })
    await refusedUnchanged(database(), 'name_spelling', () => removeFeature(database().db, upper))
  })
})
