import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, useSharedDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const contacts = 'backup_program_partner_contacts'
const log = 'backup_program_partner_audit_log'

describe('backups that were tampered with are refused, and taken again when it is undone', () => {
  // each test undoes what it did; a backup is put aside and back
  const database = useSharedDatabase({ template: 'demo' })

  test.each([
    ['emptied', `delete from ${contacts}`, contacts],
    ['one row short', `delete from ${contacts} where payment_method is not null`, contacts],
    [
      'with a row too many',
      `insert into ${contacts} (id, payment_method) values (gen_random_uuid(), 'cash')`,
      contacts,
    ],
    ['with a value changed', `update ${log} set notes = 'other' where id = 1`, log],
    ['renamed', `alter table ${log} rename to mine`, log],
    ['without a column', `alter table ${contacts} drop column payment_method_notes`, 'cannot be read|altered'],
    [
      'with a column of another type',
      `alter table ${contacts} alter column payment_method type varchar(20)`,
      'payment_method text is missing',
    ],
    ['without its key', `alter table ${contacts} drop constraint ${contacts}_pkey`, 'pkey is missing'],
    ['with a new column in a moved table', `alter table ${log} add column mine int`, 'mine integer is new'],
    ['without an index', `drop index backup_idx_partner_audit_action`, 'backup_idx_partner_audit_action is missing'],
    ['with a new index in a moved table', `create index mine on ${log} (notes)`, 'index mine is new'],
    [
      'without a check',
      `alter table ${log} drop constraint program_partner_audit_log_action_check`,
      'action_check is missing',
    ],
    [
      'without a policy',
      `drop policy program_partner_audit_log_read on ${log}`,
      'policy program_partner_audit_log_read',
    ],
    [
      'with a trigger',
      `create trigger mine before insert on ${log} for each row execute function set_updated_at()`,
      'trigger mine is new',
    ],
  ])('%s', async (_, tamper, says) => {
    const copy = await database().copy()
    try {
      await removeFeature(copy.db, programPartner)
      await copy.query(`set role crm_owner; ${tamper}; reset role`)
      const error = await refusedUnchanged(copy, 'backup_changed', () => restoreFeature(copy.db, programPartner))
      expect(error.message).toMatch(new RegExp(says))
    } finally {
      await copy.drop()
    }
  })
})

describe('changes to a backup that do no harm', () => {
  const database = useDatabase({ template: 'demo' })

  test('are no obstacle: a table that inherits from it, whose rows are none of its', async () => {
    const before = await readState(database())
    await removeFeature(database().db, programPartner)
    await asOwner(
      database(),
      `create table mine () inherits (${contacts});
       insert into mine (id, payment_method, backed_up_at) select id, 'mine', now() from contacts`,
    )
    const restored = await restoreFeature(database().db, programPartner)
    expect(restored.hosts[0]).toEqual({ table: 'contacts', restored: 41, inserted: 0, deleted: 0 })
    await asOwner(database(), 'drop table mine')
    expect(await readState(database())).toEqual(before)
  })

  test('are no obstacle: a comment, rights, an index on the copy of columns', async () => {
    const before = await readState(database())
    await removeFeature(database().db, programPartner)
    await database().query(`
      set role crm_owner;
      comment on table ${contacts} is 'asked for by accounting';
      grant select on ${contacts} to crm_reporting;
      create index on ${contacts} (payment_method);
      analyze ${contacts}, ${log};
      reset role`)
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  })
})

describe('a ledger that was tampered with', () => {
  const database = useDatabase({ template: 'demo' })
  const refused = (code: 'wrong_state' | 'ledger_format' | 'server_not_supported') =>
    refusedUnchanged(database(), code, () => restoreFeature(database().db, programPartner))

  test('without the run: it is not taken for a feature that was never there', async () => {
    await removeFeature(database().db, programPartner)
    await database().query('truncate unship.runs, unship.objects, unship.statements, unship.events')
    const error = await refused('wrong_state')
    expect(error.detail).toContain(contacts)
    expect(error.hint).toContain('schema unship')
    await database().query('drop schema unship cascade')
    await refused('wrong_state')
  })

  test.each([
    [
      'the last statement',
      'delete from unship.statements where position = (select max(position) from unship.statements)',
    ],
    ['a statement in the middle', 'delete from unship.statements where position = 20'],
    ['all statements', 'truncate unship.statements'],
  ])('without %s', async (_, tamper) => {
    await removeFeature(database().db, programPartner)
    await database().query(tamper)
    expect((await refused('wrong_state')).primary).toContain('statements of run 1')
  })

  test('with a statement changed', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`update unship.statements set sql = sql || ' ' where position = 3`)
    expect((await refused('wrong_state')).hint).toContain('unship.statements')
  })

  test('without its plan', async () => {
    await removeFeature(database().db, programPartner)
    await database().query('update unship.runs set plan = null')
    expect((await refused('wrong_state')).primary).toContain('has no plan')
  })

  test('of a newer format', async () => {
    await removeFeature(database().db, programPartner)
    await database().query('update unship.runs set format = 99')
    const error = await refused('ledger_format')
    expect(error.primary).toContain('99')
    await refusedUnchanged(database(), 'ledger_format', () => removeFeature(database().db, programPartner))
  })

  test('of a newer server', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`update unship.runs set server_version = '99.1 (of the future)'`)
    expect((await refused('server_not_supported')).hint).toContain('PostgreSQL 99')
  })

  test('of an older server goes on, and says so', async () => {
    const before = await readState(database())
    await removeFeature(database().db, programPartner)
    await database().query(`update unship.runs set server_version = '13.4'`)
    const { outcome, warnings } = await restoreFeature(database().db, programPartner)
    expect(outcome).toBe('restored')
    expect(warnings).toEqual([expect.stringContaining('removed on PostgreSQL 13')])
    expect(await readState(database())).toEqual(before)
  })
})

describe('a declaration that was edited in between', () => {
  const database = useDatabase({ template: 'demo' })

  test('changes nothing in what comes back: the ledger counts', async () => {
    const before = await readState(database())
    await removeFeature(database().db, programPartner)
    const edited = defineFeature()({ name: 'program_partner', tables: ['organisations'], columns: { notes: ['body'] } })
    expect((await restoreFeature(database().db, edited)).outcome).toBe('restored')
    expect(await readState(database())).toEqual(before)
  })

  test('by its name: it is not taken for a feature that was never there', async () => {
    await removeFeature(database().db, programPartner)
    for (const renamed of [
      { ...programPartner, name: 'partners' },
      defineFeature()({ name: 'payments', columns: { subscriptions: ['payment_method'] } }),
    ]) {
      const error = await refusedUnchanged(database(), 'wrong_state', () => restoreFeature(database().db, renamed))
      expect(error.hint).toContain('program_partner')
    }
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    expect((await restoreFeature(database().db, { ...programPartner, name: 'partners' })).outcome).toBe('absent')
  })
})
