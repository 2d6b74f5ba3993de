import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { kysely, ROOT } from '../support/kysely-ctl.ts'
import { readState } from '../support/life.ts'

const cwd = join(ROOT, 'examples', 'members')

describe('the members example', () => {
  const database = useDatabase({ template: 'demo' })
  const migrate = (command: string) => kysely(command, { DATABASE_URL: database().ownerUrl }, { cwd })
  const backups = () =>
    database().query(`select (select json_agg(b order by id) from backup_program_partner_contacts b) as contacts,
      (select json_agg(b order by id) from backup_program_partner_audit_log b) as audit`)

  test('removal, members, and both ways back', async () => {
    // what the runbook's own backup would have missed: payment data without the flag
    await database().query(`update contacts set payment_method = 'card', last_payment_date = '2025-10-01'
      where id = (select min(id::text)::uuid from contacts where not is_expected_program_partner)`)
    const before = await readState(database())

    const removed = await migrate('migrate:up')
    expect(removed, removed.output).toMatchObject({ code: 0 })
    const kept = await backups()
    const created = await migrate('migrate:latest')
    expect(created, created.output).toMatchObject({ code: 0 })
    expect(
      await database().query(`select member_type, count(*)::int as members, count(payment_method)::int as paying,
        count(status_notes)::int as noted, bool_and(status = 'active') as active from members group by 1 order by 1`),
    ).toEqual([
      { member_type: 'individual', members: 1, paying: 1, noted: 0, active: true },
      { member_type: 'program_partner', members: 41, paying: 1, noted: 11, active: true },
    ])
    expect(await backups()).toEqual(kept)

    const gone = await migrate('migrate:down')
    expect(gone, gone.output).toMatchObject({ code: 0 })
    expect(await database().query(`select to_regclass('members') as members`)).toEqual([{ members: null }])
    expect(await backups()).toEqual(kept)

    const restored = await migrate('migrate:down')
    expect(restored, restored.output).toMatchObject({ code: 0 })
    expect(await readState(database())).toEqual(before)
  })

  test('leaves out contacts that are gone, and does not drop members that are new', async () => {
    await migrate('migrate:up')
    await database().query(`
      delete from subscriptions where contact_id in (select id from backup_program_partner_contacts);
      delete from notes where contact_id in (select id from backup_program_partner_contacts);
      delete from contacts where id in (select id from backup_program_partner_contacts order by id limit 2)`)
    const created = await migrate('migrate:latest')
    expect(created, created.output).toMatchObject({ code: 0 })
    expect(await database().query('select count(*)::int as members from members')).toEqual([{ members: 39 }])

    await database().query(`insert into members (contact_id, member_type)
      select id, 'individual' from contacts c where not exists (select from members m where m.contact_id = c.id) limit 1;
      update members set payment_method = 'cash', updated_at = now() + interval '1 second'
        where id = (select id from members where member_type = 'program_partner' limit 1)`)
    const refused = await migrate('migrate:down')
    expect(refused.code).not.toBe(0)
    expect(refused.output).toContain('members holds 2 rows that were added or changed')
    expect(await database().query('select count(*)::int as members from members')).toEqual([{ members: 40 }])
  })
})
