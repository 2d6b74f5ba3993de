import { Kysely, PostgresDialect } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature, reviewRestore } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool, urlWith } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { noTraces, readTraces, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase({ template: 'demo' })
const opened: Kysely<any>[] = []

/** A pool as a role that owns nothing. */
function as(role: string): Kysely<any> {
  const url = urlWith(database().url, { user: role, password: role })
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(url, 2) }) })
  opened.push(db)
  return db
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((db) => db.destroy()))
})

describe('not the owner', () => {
  test('of anything: all that is foreign is named', async () => {
    const error = await refusedUnchanged(database(), 'not_owner', () => removeFeature(as('crm_app'), programPartner))
    expect(error.primary).toContain('role crm_app is not the owner')
    expect(error.detail).toContain('table contacts belongs to crm_owner.')
    expect(error.detail).toContain('view program_partner_compliance belongs to crm_owner.')
    expect(error.detail).toMatch(/function update_payment_method\(.*\) belongs to crm_owner\./)
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test.each([
    ['a host table', 'alter table contacts owner to crm_reporting', 'table contacts belongs to crm_reporting.'],
    [
      'a table of the feature',
      'alter table program_partner_audit_log owner to crm_reporting',
      'table program_partner_audit_log belongs to crm_reporting.',
    ],
    [
      'a view of the feature',
      'alter view program_partner_compliance owner to crm_reporting',
      'view program_partner_compliance belongs to crm_reporting.',
    ],
    [
      'a function of the feature',
      'alter function update_payment_method owner to crm_reporting',
      'belongs to crm_reporting.',
    ],
  ])('of %s', async (_, sql, detail) => {
    await database().query(sql)
    const error = await refusedUnchanged(database(), 'not_owner', () => removeFeature(database().db, programPartner))
    expect(error.detail).toContain(detail)
    expect(error.detail?.split('\n')).toHaveLength(1)
    await refusedUnchanged(database(), 'not_owner', () => planRemoval(database().db, programPartner))
  })

  test('of a host table any more, when it is to be restored', async () => {
    await removeFeature(database().db, programPartner)
    await database().query('alter table contacts owner to crm_reporting')
    const error = await refusedUnchanged(database(), 'not_owner', () => restoreFeature(database().db, programPartner))
    expect(error.detail).toBe('table contacts belongs to crm_reporting.')
    await database().query('alter table contacts owner to crm_owner')
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  })
})

describe("of what is a superuser's", () => {
  const give = async (hint: string | undefined) => {
    expect(hint).not.toContain('grant that role')
    const statements = hint?.match(/^alter .*;$/gm) ?? []
    expect(statements).not.toEqual([])
    await database().query(statements.join('\n'))
  }

  test('before the removal: it can be given to the role', async () => {
    await database()
      .query(`alter table contacts owner to current_user; alter view program_partner_compliance owner to current_user;
      alter function update_payment_method owner to current_user`)
    const removing = () => removeFeature(database().db, programPartner)
    await give((await refusedUnchanged(database(), 'not_owner', removing)).hint)
    expect((await removing()).outcome).toBe('removed')
  })

  test('where a superuser has removed it: backups and ledger can be given to the role', async () => {
    const feature = { name: 'f', columns: { subscriptions: ['payment_notes'] } }
    const restoring = () => restoreFeature(database().db, feature)
    await removeFeature(database().admin, feature)
    await give((await refusedUnchanged(database(), 'missing_privilege', restoring)).hint)
    await give((await refusedUnchanged(database(), 'not_owner', restoring)).hint)
    expect((await restoring()).outcome).toBe('restored')
  })
})

describe('without CREATE', () => {
  test('on the schema', async () => {
    await database().query('alter schema public owner to current_user; grant usage on schema public to public')
    const error = await refusedUnchanged(database(), 'missing_privilege', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.detail).toBe('CREATE on schema public.')
    expect(error.hint).toContain('Grant them to crm_owner')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('on the database, where the ledger is not there yet', async () => {
    await database().query(`alter database ${database().name} owner to current_user`)
    const error = await refusedUnchanged(database(), 'missing_privilege', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.detail).toBe(`CREATE on database ${database().name}, to create the ledger's schema.`)
    await database().query(`create schema unship authorization crm_owner`)
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  })

  test('nor TEMPORARY, without which definitions cannot be tried', async () => {
    const { name } = database()
    await database()
      .query(`revoke temporary on database ${name} from public; alter database ${name} owner to current_user;
      grant create on database ${name} to crm_owner`)
    const remove = () => removeFeature(database().db, programPartner)
    const error = await refusedUnchanged(database(), 'missing_privilege', remove)
    expect(error.detail).toBe(
      `TEMPORARY on database ${name}, to try on temporary objects whether definitions print the same again.`,
    )
    await database().query(`grant temporary on database ${name} to crm_owner`)
    expect((await remove()).outcome).toBe('removed')
  })

  test('nor USAGE on the language of DO blocks, in which either direction works', async () => {
    const { db } = database()
    const revoke = () => database().query('revoke usage on language plpgsql from public')
    const grant = () => database().query('grant usage on language plpgsql to crm_owner')
    const refused = async (call: () => Promise<unknown>) => {
      const error = await refusedUnchanged(database(), 'missing_privilege', call)
      expect(error.detail).toContain('USAGE on language plpgsql.')
      expect(error.hint).toContain('grant usage on language plpgsql to "crm_owner";')
    }
    await revoke()
    await refused(() => planRemoval(db, programPartner))
    await refused(() => removeFeature(db, programPartner))
    await refused(() => removeFeature(db, { name: 'gone', tables: ['gone'] }))
    await grant()
    await removeFeature(db, programPartner)
    await database().query('revoke usage on language plpgsql from crm_owner')
    await refused(() => reviewRestore(db, programPartner))
    await refused(() => restoreFeature(db, programPartner))
    await grant()
    expect((await restoreFeature(db, programPartner)).outcome).toBe('restored')
  })

  test('in a ledger of somebody else', async () => {
    await database().query('create schema unship')
    const error = await refusedUnchanged(database(), 'missing_privilege', () =>
      removeFeature(database().db, programPartner),
    )
    expect(error.detail).toContain('schema unship')
  })

  test('on the schema any more, when it is to be restored', async () => {
    await removeFeature(database().db, programPartner)
    await database().query('alter schema public owner to current_user; grant usage on schema public to public')
    const error = await refusedUnchanged(database(), 'missing_privilege', () =>
      restoreFeature(database().db, programPartner),
    )
    expect(error.detail).toContain('CREATE on schema public')
    await database().query('grant create on schema public to crm_owner')
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  })

  test('by a role that may not read the ledger: the restore says so', async () => {
    await removeFeature(database().db, programPartner)
    const error = await refusedUnchanged(database(), 'missing_privilege', () =>
      restoreFeature(as('crm_app'), programPartner),
    )
    expect(error.detail).toContain('crm_app')
    await refusedUnchanged(database(), 'missing_privilege', () => removeFeature(as('crm_app'), programPartner))
  })

  test('a feature that is not there cannot be recorded', async () => {
    await database().query(`
      drop view program_partner_compliance, program_partner_audit_history;
      drop function update_payment_method, add_program_partner_status, remove_program_partner_status;
      drop table program_partner_audit_log, legacy_program_partner_corrections;
      alter table contacts drop column is_expected_program_partner, drop column payment_method,
        drop column payment_method_notes, drop column last_payment_date, drop column partner_status_notes;
      alter table subscriptions drop column payment_method, drop column payment_notes;
      alter database ${database().name} owner to current_user`)
    await refusedUnchanged(database(), 'missing_privilege', () => removeFeature(database().db, programPartner))
  })
})

describe('row level security', () => {
  const policy = `
    alter table contacts enable row level security, force row level security;
    create policy active_only on contacts using (status = 'active')`

  test('that would hide rows from the backup is refused', async () => {
    await database().query(policy)
    const error = await refusedUnchanged(database(), 'row_security', () => removeFeature(database().db, programPartner))
    expect(error.primary).toContain('rows of contacts')
    expect(error.hint).toContain('BYPASSRLS')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('on a table of the feature does not matter: it is moved', async () => {
    await database().query('alter table program_partner_audit_log force row level security')
    await removeFeature(database().db, programPartner)
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('that does not hold for the owner is no obstacle', async () => {
    await database().query('alter table contacts enable row level security')
    const removed = await removeFeature(database().db, programPartner)
    expect(removed.backups.find((b) => b.table === 'backup_program_partner_contacts')?.rows).toBe(41)
  })

  test('that would hide rows from the restore is refused', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(policy)
    const error = await refusedUnchanged(database(), 'row_security', () =>
      restoreFeature(database().db, programPartner),
    )
    expect(error.primary).toContain('contacts')
  })
})

describe('a partition of a host table', () => {
  const database = useDatabase()
  const feature = defineFeature()({ name: 'extras', columns: { members: ['note'] } })
  const partitioned = `create table members (id int primary key, note text) partition by range (id);
    create table members_1 partition of members for values from (0) to (100);`

  test('whose policies would hide rows from the backup is refused', async () => {
    await asOwner(
      database(),
      `${partitioned} alter table members_1 enable row level security, force row level security`,
    )
    const error = await refusedUnchanged(database(), 'row_security', () => removeFeature(database().db, feature))
    expect(error.primary).toContain('rows of members_1')
  })

  test('that its owner may not read is refused', async () => {
    await asOwner(database(), `${partitioned} revoke select on members_1 from crm_owner`)
    const error = await refusedUnchanged(database(), 'missing_privilege', () => removeFeature(database().db, feature))
    expect(error.detail).toBe('SELECT on table members_1.')
  })
})

describe('a read-only transaction', () => {
  const readOnly = () => database().db.transaction().setAccessMode('read only')

  test('is refused by the removal, and can go on', async () => {
    const error = await refusedUnchanged(database(), 'wrong_state', () =>
      readOnly().execute((trx) => removeFeature(trx, programPartner)),
    )
    expect(error.primary).toBe('the transaction is read-only')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('may be planned in', async () => {
    const plan = await readOnly().execute((trx) => planRemoval(trx, programPartner))
    expect(plan.absent).toBe(false)
  })

  test('is refused by the restore', async () => {
    await removeFeature(database().db, programPartner)
    await refusedUnchanged(database(), 'wrong_state', () =>
      readOnly().execute((trx) => restoreFeature(trx, programPartner)),
    )
  })

  test('a role whose transactions are read-only by default may run it', async () => {
    await database().query(`alter database ${database().name} set default_transaction_read_only = on`)
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  })
})
