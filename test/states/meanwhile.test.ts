import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { queryAtOnce } from '../support/at-once.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'

const database = useDatabase({ template: 'demo' })

const contact = async (email: string) =>
  (
    await database().query(
      `select phone, updated_at::text, is_expected_program_partner as partner, payment_method from contacts where email = '${email}'`,
    )
  )[0]

describe('life between removal and restore', () => {
  test('inserted, changed and deleted contacts are dealt with and reported', async () => {
    const paying = await contact('contact5@example.org')
    await removeFeature(database().db, programPartner)
    const app = await database().connect('crm_app')
    await app.query(`
      insert into contacts (first_name, last_name, email) select 'New', 'One', 'new' || n || '@example.org' from generate_series(1, 3) n`)
    await app.query(
      `update contacts set phone = '+43 1' where email in ('contact5@example.org', 'contact6@example.org')`,
    )
    // one partner without audit entries, one with one, and one who is no partner
    await app.query(
      `delete from contacts where email in ('contact153@example.org', 'contact79@example.org', 'contact7@example.org')`,
    )
    const changed = await database().query(`select updated_at::text from contacts where email = 'contact5@example.org'`)

    const report = await restoreFeature(database().db, programPartner)
    expect(report.hosts).toEqual([
      // the contact who went without a value cannot be told from one who never came
      { table: 'contacts', restored: 39, inserted: 2, deleted: 2 },
      { table: 'subscriptions', restored: 0, inserted: 0, deleted: 0 },
    ])
    expect(report.setAside).toEqual([
      {
        table: 'program_partner_audit_log',
        rows: 1,
        reason: expect.stringContaining('program_partner_audit_log_contact_id_fkey') as string,
        kept: expect.stringMatching(/^set_aside_program_partner_audit_log_\d{4}/) as string,
      },
    ])
    expect(await database().query(`select action from ${report.setAside[0]?.kept ?? ''}`)).toEqual([
      { action: 'partner_added' },
    ])
    expect(await database().query('select count(*)::int as n from program_partner_audit_log')).toEqual([{ n: 2 }])
    expect(await contact('new1@example.org')).toMatchObject({ partner: false, payment_method: null })
    expect(await contact('contact5@example.org')).toEqual({
      ...paying,
      phone: '+43 1',
      updated_at: changed[0]?.updated_at,
    })
    // what has no place any more is still in the archive
    const archive = report.retired.find((r) => r.backup === 'backup_program_partner_contacts')?.became ?? ''
    expect(await database().query(`select count(*)::int as n from ${archive}`)).toEqual([{ n: 41 }])
  })

  test('nothing happened: nothing is reported, and updated_at stands still', async () => {
    const before = await readState(database())
    await removeFeature(database().db, programPartner)
    const report = await restoreFeature(database().db, programPartner)
    expect(report.hosts).toEqual([
      { table: 'contacts', restored: 41, inserted: 0, deleted: 0 },
      { table: 'subscriptions', restored: 0, inserted: 0, deleted: 0 },
    ])
    expect(report.setAside).toEqual([])
    expect(await readState(database())).toEqual(before)
  })

  test('inserted alone are counted exactly', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(
      `insert into contacts (first_name, last_name, email) select 'New', 'One', 'new' || n || '@example.org' from generate_series(1, 17) n`,
    )
    const report = await restoreFeature(database().db, programPartner)
    expect(report.hosts[0]).toEqual({ table: 'contacts', restored: 41, inserted: 17, deleted: 0 })
  })
})

describe('rows that come and go after their batch of filling', () => {
  test.each([
    ['few', 20],
    // more than are looked up one by one
    ['many', 1500],
  ])('%s: those that came under a backed-up key are filled, those that went are counted', async (_, rows) => {
    await database().query(
      `insert into contacts (first_name, last_name, email, partner_status_notes)
       select 'One', 'More', 'more' || n || '@example.org', 'note ' || n from generate_series(1, 4000) n`,
    )
    await removeFeature(database().db, programPartner)
    const email = (from: number, to: number) =>
      `email in (select 'more' || n || '@example.org' from generate_series(${String(from)}, ${String(to)}) n)`
    const report = await restoreFeature(database().db, programPartner, {
      onProgress: (event) => {
        if (event.type !== 'phase started' || event.phase !== 'verify') return
        queryAtOnce(
          database().url,
          `with gone as (delete from contacts where ${email(1, rows)} returning *)
           insert into contacts (id, first_name, last_name, email) select id, 'Another', 'Name', email from gone;
           delete from contacts where ${email(rows + 1, 2 * rows)}`,
        )
      },
    })
    expect(report.hosts[0]).toEqual({ table: 'contacts', restored: 4041 - rows, inserted: 0, deleted: rows })
    expect(
      await database().query(
        `select count(*)::int as rows, count(*) filter (where partner_status_notes = replace(split_part(email, '@', 1), 'more', 'note '))::int as filled,
           count(*) filter (where first_name = 'Another')::int as others
         from contacts where email like 'more%'`,
      ),
    ).toEqual([{ rows: 4000 - rows, filled: 4000 - rows, others: rows }])
  })
})

describe('rows that are not flagged', () => {
  test('and payment data of subscriptions are backed up and come back', async () => {
    await database().query(`
      update contacts set payment_method = 'cash' where email = 'contact10@example.org';
      update contacts set payment_method_notes = '' where email = 'contact11@example.org';
      update contacts set last_payment_date = '-infinity' where email = 'contact12@example.org';
      update contacts set partner_status_notes = 'once' where email = 'contact13@example.org';
      update subscriptions set payment_method = 'card', payment_notes = 'paid by the parents'
        where id in (select id from subscriptions order by id limit 5)`)
    const before = await readState(database())
    const removed = await removeFeature(database().db, programPartner)
    expect(Object.fromEntries(removed.backups.map((b) => [b.table, b.rows]))).toMatchObject({
      backup_program_partner_contacts: 45,
      backup_program_partner_subscriptions: 5,
    })
    expect(removed.counts).toMatchObject({ partners: 41, 'payment data': 4, 'subscription payments': 5 })
    await restoreFeature(database().db, programPartner)
    expect(await readState(database())).toEqual(before)
  })
})
