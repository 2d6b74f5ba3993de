import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'

describe('program partner', () => {
  const database = useDatabase({ template: 'demo' })

  test('leaves and comes back exactly', async () => {
    const { db, query } = { db: database().db, query: database().query.bind(database()) }
    const before = await readState(database())

    const removed = await removeFeature(db, programPartner)
    expect(removed.outcome).toBe('removed')
    expect(removed.counts).toEqual({
      partners: 41,
      'audit entries': 3,
      'payment data': 1,
      corrections: 0,
      'subscription payments': 0,
    })
    expect(Object.fromEntries(removed.backups.map((b) => [b.table, b.rows]))).toEqual({
      backup_program_partner_contacts: 41,
      backup_program_partner_subscriptions: 0,
      backup_program_partner_audit_log: 3,
      backup_legacy_program_partner_corrections: 0,
    })
    expect(await query(`select proname from pg_proc where proname ~ 'partner|payment_method'`)).toEqual([])
    expect(
      await query(
        `select table_name from information_schema.tables where table_name ilike '%program_partner%' and table_name not ilike 'backup_%'`,
      ),
    ).toEqual([])

    const restored = await restoreFeature(db, programPartner)
    expect(restored.outcome).toBe('restored')
    expect(restored.warnings).toEqual([])
    expect(await readState(database())).toEqual(before)
  })
})
