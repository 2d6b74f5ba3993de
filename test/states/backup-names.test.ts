import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, useSharedDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('something that is not our backup under a backup name', () => {
  // each test takes away what it has put there
  const database = useSharedDatabase({ template: 'demo' })

  test.each([
    ['of a moved table', 'backup_program_partner_audit_log', 'create table backup_program_partner_audit_log (id int)'],
    ['of columns', 'backup_program_partner_contacts', 'create table backup_program_partner_contacts (id int)'],
    [
      'of an index',
      'backup_idx_partner_audit_action',
      'create view backup_idx_partner_audit_action as select 1 as one',
    ],
    [
      'of an owned sequence',
      'backup_legacy_program_partner_corrections_id_seq',
      'create sequence backup_legacy_program_partner_corrections_id_seq',
    ],
    [
      'of the key of a backup',
      'backup_program_partner_contacts_pkey',
      'create table backup_program_partner_contacts_pkey (id int)',
    ],
    [
      "of a moved table's row type",
      'backup_program_partner_audit_log',
      `create type backup_program_partner_audit_log as enum ('mine')`,
    ],
  ])('%s is refused and kept', async (_, name, sql) => {
    await database().query(`set role crm_owner; ${sql}`)
    const error = await refusedUnchanged(database(), 'backup_exists', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.primary).toBe(`${name} already exists`)
    expect(error.hint).toContain('rename')
    const [, kind = ''] = /^create (\w+)/.exec(sql) ?? []
    await database().query(`drop ${kind} ${name}`)
  })

  test('all of them are named at once', async () => {
    await database().query(`
      create table backup_program_partner_contacts (id int);
      create table backup_program_partner_subscriptions (id int);
      create table backup_legacy_program_partner_corrections (id int)`)
    const error = await refusedUnchanged(database(), 'backup_exists', () =>
      removeFeature(database().db, programPartner),
    )
    for (const name of ['contacts', 'subscriptions', 'corrections']) expect(error.primary).toContain(name)
    await database().query(`
      drop table backup_program_partner_contacts, backup_program_partner_subscriptions,
        backup_legacy_program_partner_corrections`)
  })

  test('even one with the very columns of ours', async () => {
    await database().query(`
      set role crm_owner;
      create table backup_program_partner_subscriptions as
        select id, payment_method, payment_notes, now() as backed_up_at from subscriptions`)
    await refusedUnchanged(database(), 'backup_exists', () => removeFeature(database().db, programPartner))
  })
})

describe('two backups of one feature that would have one name', () => {
  const database = useDatabase()

  test('are refused, and each is told of once', async () => {
    await asOwner(database(), 'create table t (id int primary key, a int); create table f_t (id int)')
    const error = await refusedUnchanged(database(), 'backup_exists', () =>
      removeFeature(database().db, { name: 'f', tables: ['f_t'], columns: { t: ['a'] } }),
    )
    expect(error.detail?.split('\n').toSorted()).toEqual([
      'backup_f_t would keep columns of t.',
      'backup_f_t would keep table f_t.',
    ])
  })
})
