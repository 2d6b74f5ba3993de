import { checkHealth, removeFeature, restoreFeature } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { killedAt } from '../states/broken.ts'
import { refusal } from '../support/refusal.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { asOwner } from '../support/round-trip.ts'
import { json, unship } from './support.ts'

const database = useDatabase({ template: 'demo' })
const settings = () => ({ DATABASE_URL: database().ownerUrl })
const problems = async () =>
  (await checkHealth(database().admin, [programPartner]))
    .filter(({ result }) => result === 'problem')
    .map(({ check, found }) => `${check}: ${found.join('; ')}`)

describe('unship verify', () => {
  test('finds nothing before, between and after, and changes nothing', async () => {
    const installed = await unship(['verify'], settings())
    expect(installed).toMatchObject({ code: 0, out: expect.stringContaining('Nothing is broken.') })
    await removeFeature(database().db, programPartner)
    const before = await readState(database(), { dump: false })
    const removed = await unship(['verify'], settings())
    expect(removed).toMatchObject({ code: 0, err: '' })
    expect(removed.out).toMatch(/^ok +program_partner: backups match their checksums$/m)
    expect(removed.out).toMatch(/^ok +functions still compile$/m)
    expect(await readState(database(), { dump: false })).toEqual(before)
    await restoreFeature(database().db, programPartner)
    expect(await problems()).toEqual([])
  })

  test('finds a changed backup and one that is gone, and ends with 4', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`
      update backup_program_partner_contacts set payment_method = 'gold' where payment_method is not null;
      drop table backup_legacy_program_partner_corrections`)
    const { code, out } = await unship(['verify', '--json'], settings())
    expect(code).toBe(4)
    const { healthy, checks } = json({ code, out, err: '' })
    expect(healthy).toBe(false)
    const check = checks.find((c: { check: string }) => c.check === 'backups match their checksums')
    expect(check).toMatchObject({ feature: 'program_partner', result: 'problem' })
    expect(check.found).toEqual([
      expect.stringMatching(/^backup_program_partner_contacts: sealed as 41:.*, now 41:/),
      expect.stringMatching(/^backup_legacy_program_partner_corrections: .*does not exist/),
    ])
    expect((await unship(['verify'], settings())).out).toMatch(
      /^PROBLEM program_partner: backups match[^]*Something is broken/m,
    )
  })

  test('finds what others left in the way or tore open', async () => {
    await removeFeature(database().db, programPartner)
    await database().query(`
      create table legacy_program_partner_corrections (id int);
      alter table backup_program_partner_audit_log add constraint late foreign key (contact_id) references contacts (id) not valid;
      grant select on backup_program_partner_contacts to crm_app;
      update pg_index set indisvalid = false where indexrelid = 'idx_contacts_organisation'::regclass;
      alter table contacts add column unship_hidden_x int`)
    expect(await problems()).toEqual([
      'nothing of it is left, and its names are free: relation legacy_program_partner_corrections',
      'backups are defined as they were kept: backup_program_partner_audit_log: constraint late is new.',
      'no foreign key leads to or from what is kept: late of public.backup_program_partner_audit_log',
      'nobody but their owners can read what is kept: public.backup_program_partner_contacts: crm_app has privileges',
      'no invalid index: public.idx_contacts_organisation of public.contacts',
      'no part of an unfinished run is left: column public.contacts.unship_hidden_x',
    ])
  })

  test('finds what a restore would be refused for', async () => {
    const feature = { name: 'seen', columns: { contacts: ['sawn'] }, views: ['seen'] }
    await asOwner(
      database(),
      `alter table contacts add sawn int;
       create function is_seen(int) returns boolean language sql immutable return $1 > 0;
       create view seen as select id from contacts where is_seen(sawn)`,
    )
    await removeFeature(database().db, feature)
    const seen = async (db = database().db) =>
      (await checkHealth(db)).find(({ check }) => check === 'a restore would find what it needs')
    expect(await seen()).toMatchObject({ feature: 'seen', result: 'ok', found: [] })
    await asOwner(database(), 'drop function is_seen(int)')
    expect(await seen()).toMatchObject({
      result: 'problem',
      found: [
        'feature seen cannot be restored because what it needs is gone',
        expect.stringMatching(/^function (public\.)?is_seen\(int(eger)?\) does not exist/),
      ],
    })
    // a restore would not run what weaker roles may have written
    expect(await seen(database().admin)).toMatchObject({ result: 'note' })
    const later = { name: 'later', columns: { contacts: ['payment_method_notes'] } }
    await removeFeature(database().db, later)
    expect(await seen()).toMatchObject({
      result: 'note',
      found: expect.arrayContaining(['later was removed since: it may have to be restored first']) as unknown,
    })
  })

  test('says what a restore would say', async () => {
    const feature = { name: 'seen', columns: { sights: ['sawn'] } }
    await asOwner(
      database(),
      'create table sights (id int primary key, sawn int); insert into sights select i, i from generate_series(1, 9) i',
    )
    await removeFeature(database().db, feature)
    const said = async (db = database().db) =>
      (await checkHealth(db)).find(({ check }) => check === 'a restore would find what it needs')
    expect(
      await database()
        .db.transaction()
        .setAccessMode('read only')
        .execute((trx) => said(trx)),
    ).toMatchObject({ result: 'note', found: ['not asked: the server, or this role, takes no writes'] })
    await asOwner(database(), 'update sights set id = id + 100')
    expect(await said()).toMatchObject({ result: 'note', found: [expect.stringContaining('9 of 9 backed-up rows')] })
    const [superuser] = await database().query<{ name: string }>('select current_user as name')
    await database().query(`alter table sights owner to ${String(superuser?.name)}`)
    expect(await said()).toMatchObject({
      result: 'problem',
      found: expect.arrayContaining([
        expect.stringContaining(`sights belongs to ${String(superuser?.name)}`),
      ]) as unknown,
    })
  })

  test('notes a migration that was run, of which the ledger knows nothing', async () => {
    const note = 'the ledger knows what its migration did'
    await removeFeature(database().db, programPartner)
    await asOwner(
      database(),
      `create table kysely_migration (name text primary key, timestamp text not null);
       insert into kysely_migration values ('1762603200000_remove_program_partner', '2026-01-01T00:00:00Z')`,
    )
    expect((await unship(['verify'], settings())).out).not.toContain(note)
    await asOwner(database(), 'drop schema unship cascade')
    const kept = await database().query<{ name: string }>(
      `select tablename as name from pg_tables where tablename like 'backup%'`,
    )
    await asOwner(database(), kept.map(({ name }) => `drop table ${name} cascade`).join('; '))
    const { code, out } = await unship(['verify'], settings())
    expect(code).toBe(0)
    expect(out).toMatch(
      /^note +program_partner: the ledger knows what its migration did\n +1762603200000_remove_program_partner was run on 2026-01-01 00:00[^\n]*, and the ledger has no run of it/m,
    )
    expect((await unship(['status'], settings())).out).toContain('never removed from it as far as its ledger knows')
  })

  test('finds functions that no longer work, as far as their language tells', async () => {
    await database().query(`
      create function partners() returns bigint language sql as
        $$ select count(*) from public.contacts where is_expected_program_partner $$;
      create function report() returns bigint language plpgsql as
        $$ begin return (select count(*) from program_partner_audit_log); end $$;
      create function found_on_its_path() returns bigint language sql set search_path = public as
        $$ select count(*) from contacts $$`)
    await removeFeature(database().db, programPartner)
    const checks = await checkHealth(database().admin, [programPartner])
    expect(checks).toContainEqual({
      feature: null,
      check: 'functions still compile',
      result: 'problem',
      found: [expect.stringMatching(/^public.partners\(\): column "is_expected_program_partner" does not exist/)],
    })
    expect(checks).toContainEqual({
      feature: null,
      check: 'no function mentions what is gone',
      result: 'note',
      found: ['public.report() mentions program_partner_audit_log'],
    })
  })

  test('finds a run that broke off', async () => {
    const call = removeFeature(database().db, programPartner, killedAt(database(), ['phase started', 'copy']))
    await refusal('server_unreachable', call)
    const found = await problems()
    expect(found[0]).toMatch(/^no run broke off: it broke off in phase "(watch|copy)"/)
    expect(found.at(-1)).toMatch(/unship_program_partner_insert on public.contacts/)
  })
})
