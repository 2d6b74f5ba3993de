import { describe, expect, test } from 'vitest'
import { planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { noTraces, readTraces, refusedUnchanged } from '../support/refusal.ts'

describe('a database without the host tables', () => {
  const database = useDatabase()

  test('is refused by name', async () => {
    const error = await refusedUnchanged(database(), 'host_table_missing', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.primary).toBe(`table contacts, subscriptions does not exist in database ${database().name}`)
    expect(error.hint).toContain('right database')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('is refused by the plan too', async () => {
    await refusedUnchanged(database(), 'host_table_missing', () => planRemoval(database().db, programPartner))
  })

  test('lists only the host table that is missing', async () => {
    await database().query('set role crm_owner; create table contacts (id uuid primary key)')
    const error = await refusedUnchanged(database(), 'host_table_missing', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.primary).toContain('table subscriptions does not exist')
  })
})

describe('a host table that goes while the feature is away', () => {
  const database = useDatabase({ template: 'demo' })

  test('is refused by the restore', async () => {
    const { db } = database()
    await removeFeature(db, programPartner)
    await database().query('alter table subscriptions rename to contracts')
    const error = await refusedUnchanged(database(), 'host_table_missing', () => restoreFeature(db, programPartner))
    expect(error.primary).toContain('subscriptions')
    await database().query('alter table contracts rename to subscriptions')
    expect((await restoreFeature(db, programPartner)).outcome).toBe('restored')
  })

  test('a backup that is gone or changed is refused by the restore', async () => {
    const { db } = database()
    await removeFeature(db, programPartner)
    await database().query(
      `update backup_program_partner_contacts set payment_method = 'cash' where payment_method is not null`,
    )
    const changed = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(db, programPartner))
    expect(changed.detail).toContain('backup_program_partner_contacts')
    await database().query('alter table backup_program_partner_audit_log rename to mine')
    const gone = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(db, programPartner))
    expect(gone.primary).toContain('backup_program_partner_audit_log')
  })
})
