import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'

/*
 * The names are the runbook's; everything else is another team's: types, argument
 * lists, grants, checks, comments, triggers, rows.
 */
const schema = `
  create table organizations (id serial primary key, name varchar(100));
  create table contacts (
    id uuid primary key default gen_random_uuid(),
    organization_id int references organizations on delete restrict,
    is_expected_program_partner boolean default false,
    full_name varchar(200) not null,
    email varchar(320) unique,
    payment_method varchar(50) constraint chk_payment check (payment_method in ('invoice', 'card', 'cash')),
    payment_method_notes text,
    last_payment_date timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    partner_status_notes text collate "C",
    check (last_payment_date is null or payment_method is not null)
  );
  create table subscriptions (
    id uuid primary key default gen_random_uuid(),
    contact_id uuid not null references contacts(id) on delete cascade,
    payment_method varchar(50),
    plan text not null default 'basic',
    payment_notes text
  );
  create index idx_contacts_expected_partner on contacts (is_expected_program_partner) where is_expected_program_partner = true;
  create index contacts_payment on contacts (payment_method, last_payment_date desc nulls last) include (payment_method_notes);
  create index subscriptions_payment on subscriptions (lower(payment_method)) where payment_notes is not null;
  comment on index contacts_payment is 'for accounting';
  create table program_partner_audit_log (
    id bigserial primary key,
    contact_id uuid references contacts(id) on delete cascade,
    action varchar(20) not null check (action in ('added', 'removed', 'changed')),
    changed_by uuid default gen_random_uuid(),
    changed_at timestamptz not null default now(),
    details jsonb
  );
  create index idx_partner_audit_contact_id on program_partner_audit_log (contact_id);
  create index idx_partner_audit_action on program_partner_audit_log (action);
  create index idx_partner_audit_changed_at on program_partner_audit_log (changed_at desc);
  create table legacy_program_partner_corrections (
    id uuid primary key default gen_random_uuid(),
    contact_id uuid references contacts(id) on delete set null,
    audit_id bigint references program_partner_audit_log(id),
    corrected boolean not null default false
  );
  create index idx_legacy_corrections_contact on legacy_program_partner_corrections (contact_id);
  create index idx_legacy_corrections_uncorrected on legacy_program_partner_corrections (contact_id) where not corrected;
  create function add_program_partner_status(p_contact uuid, p_by uuid default null, p_details jsonb default '{}') returns void language plpgsql security definer as $$
  begin
    update contacts set is_expected_program_partner = true where id = p_contact;
    insert into program_partner_audit_log (contact_id, action, changed_by, details) values (p_contact, 'added', p_by, p_details);
  end $$;
  create function remove_program_partner_status(p_contact uuid) returns contacts language sql as $$
    update contacts set is_expected_program_partner = false where id = p_contact returning * $$;
  create function update_payment_method(p_contact uuid, variadic p_methods text[]) returns setof program_partner_audit_log language plpgsql stable cost 5 rows 3 as $$
  begin return query select * from program_partner_audit_log where contact_id = p_contact; end $$;
  create view program_partner_audit_history as
    select a.*, c.full_name from program_partner_audit_log a left join contacts c on c.id = a.contact_id;
  create view program_partner_compliance as
    select c.*, h.last_change from contacts c
    left join lateral (select max(changed_at) as last_change from program_partner_audit_history where contact_id = c.id) h on true
    where c.is_expected_program_partner and c.payment_method in ('invoice', 'card');
  create function touch() returns trigger language plpgsql as $$ begin new.updated_at := clock_timestamp(); return new; end $$;
  create table contact_changes (id bigint generated always as identity, contact_id uuid, row_before jsonb);
  create function log_change() returns trigger language plpgsql as $$
  begin insert into contact_changes (contact_id, row_before) values (old.id, to_jsonb(old)); return null; end $$;
  create trigger contacts_touch before update on contacts for each row execute function touch();
  create trigger contacts_log after update on contacts for each row when (old.* is distinct from new.*) execute function log_change();
  create constraint trigger contacts_checked after insert or update on contacts deferrable initially deferred for each row execute function log_change();
  alter table contacts disable trigger contacts_checked;
  alter table contacts enable row level security;
  create policy contacts_all on contacts using (true);
  grant select, insert on contacts to crm_app;
  grant update (email, payment_method) on contacts to crm_app;
  grant select on program_partner_compliance to crm_reporting;
  revoke execute on function remove_program_partner_status from public;
  grant execute on function remove_program_partner_status to crm_app with grant option;
  insert into organizations (name) values ('one'), ('two');
  insert into contacts (organization_id, full_name, email) select 1 + n % 2, 'Contact ' || n, n || '@example.org' from generate_series(1, 500) n;
  update contacts set is_expected_program_partner = true where substr(email, 1, strpos(email, '@') - 1)::int <= 41;
  update contacts set is_expected_program_partner = null where email = '100@example.org';
  update contacts set payment_method = 'invoice', last_payment_date = '2025-03-30 02:30:00+01' where email = '5@example.org';
  update contacts set payment_method = 'card', payment_method_notes = 'unflagged' where email = '300@example.org';
  insert into subscriptions (contact_id, payment_method) select id, case when email = '2@example.org' then 'card' end from contacts where email < '3';
  select add_program_partner_status(id) from contacts where email in ('1@example.org', '2@example.org', '3@example.org');
`

describe('a database with the names of the runbook and everything else different', () => {
  const database = useDatabase()

  const roundTrip = async (db: TestDatabase['db']) => {
    const before = await readState(database())
    const removed = await removeFeature(db, programPartner)
    expect(removed.counts).toEqual({
      partners: 41,
      'audit entries': 3,
      'payment data': 2,
      corrections: 0,
      'subscription payments': 1,
    })
    expect(removed.backups.map((b) => b.rows)).toEqual([43, 1, 3, 0])
    const restored = await restoreFeature(db, programPartner)
    expect(restored.warnings).toEqual([])
    expect(await readState(database())).toEqual(before)
  }

  test('leaves and comes back as its owner', async () => {
    await database().query(`set role crm_owner; ${schema}`)
    await roundTrip(database().db)
  })

  test('leaves and comes back as a superuser who does not own it', async () => {
    await database().query(`set role crm_owner; ${schema}`)
    await roundTrip(database().admin)
  })

  test('leaves and comes back inside of one transaction', async () => {
    await database().query(`set role crm_owner; ${schema}`)
    const before = await readState(database())
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await removeFeature(trx, programPartner)
        await restoreFeature(trx, programPartner)
      })
    expect(await readState(database())).toEqual(before)
  })
})
