-- A small CRM with the program partner feature, as its runbook lists it.
--
-- A superuser loads it into an empty database, after roles.sql. Every object
-- then belongs to crm_owner, who also runs the migrations; crm_app is the
-- application and crm_reporting a read-only consumer. PostgreSQL 14 or newer,
-- no extensions.

alter schema public owner to crm_owner;
revoke create on schema public from public;
grant usage on schema public to crm_app, crm_reporting;

set role crm_owner;

-- ---------------------------------------------------------------------------
-- The CRM, which stays
-- ---------------------------------------------------------------------------

create function set_updated_at() returns trigger
language plpgsql
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

comment on function set_updated_at() is 'Keeps updated_at at the time of the last change';

create table organisations (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  country_code text not null,
  created_at timestamptz not null default now(),

  constraint organisations_name_key unique (name),
  constraint organisations_country_code_check check (country_code ~ '^[A-Z]{2}$')
);

comment on table organisations is 'Companies and associations that contacts work for';

create table contacts (
  id uuid primary key default gen_random_uuid(),
  organisation_id uuid references organisations (id) on delete set null,
  first_name text not null,
  last_name text not null,
  email text not null,
  phone text,
  status text not null default 'active',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint contacts_email_key unique (email),
  constraint contacts_status_check check (status in ('lead', 'active', 'archived'))
);

comment on table contacts is 'People the organisation is in touch with';
comment on column contacts.email is 'Unique; also the login of the self-service portal';
comment on constraint contacts_status_check on contacts is 'The states of the contact lifecycle';

create index idx_contacts_organisation on contacts (organisation_id);
create index idx_contacts_name on contacts (lower(last_name), lower(first_name));
create index idx_contacts_leads on contacts (created_at) where status = 'lead';

comment on index idx_contacts_name is 'Search by name, whatever its case';

create trigger contacts_set_updated_at
  before update on contacts
  for each row execute function set_updated_at();

comment on trigger contacts_set_updated_at on contacts is 'See set_updated_at()';

create table subscriptions (
  id uuid primary key default gen_random_uuid(),
  contact_id uuid not null references contacts (id) on delete cascade,
  plan text not null,
  status text not null default 'active',
  monthly_amount numeric(10, 2) not null,
  started_on date not null,
  ended_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint subscriptions_plan_check check (plan in ('basic', 'plus', 'patron')),
  constraint subscriptions_period_check check (ended_on is null or ended_on >= started_on)
);

comment on table subscriptions is 'What contacts have subscribed to';
comment on column subscriptions.monthly_amount is 'In euros';

create index idx_subscriptions_contact on subscriptions (contact_id);
create index idx_subscriptions_active on subscriptions (plan, started_on) where status = 'active';

create trigger subscriptions_set_updated_at
  before update on subscriptions
  for each row execute function set_updated_at();

create table notes (
  id bigint generated always as identity primary key,
  contact_id uuid not null references contacts (id) on delete cascade,
  author text not null default current_user,
  body text not null,
  created_at timestamptz not null default now()
);

comment on table notes is 'Free-text notes on contacts';

create index idx_notes_contact on notes (contact_id, created_at desc);

create view contact_directory as
  select c.id, c.first_name, c.last_name, c.email, o.name as organisation_name
  from contacts c
  left join organisations o on o.id = c.organisation_id
  where c.status = 'active';

comment on view contact_directory is 'Active contacts with the name of their organisation';

grant select, insert, update, delete on organisations, contacts, subscriptions, notes to crm_app;
grant select on contact_directory to crm_app;
grant select on contact_directory, organisations to crm_reporting with grant option;
grant select on subscriptions to crm_reporting;
grant select (id, organisation_id, status, created_at) on contacts to crm_reporting;

-- ---------------------------------------------------------------------------
-- The program partner feature, which can be taken out
-- ---------------------------------------------------------------------------

alter table contacts
  add column is_expected_program_partner boolean not null default false,
  add column payment_method text,
  add column payment_method_notes text,
  add column last_payment_date timestamptz,
  add column partner_status_notes text,
  add constraint contacts_payment_method_check
    check (payment_method in ('bank_transfer', 'direct_debit', 'card', 'cash'));

comment on column contacts.is_expected_program_partner is 'Whether the contact counts as a program partner';
comment on column contacts.payment_method is 'How the partner contribution is paid';
comment on column contacts.last_payment_date is 'When the last partner contribution arrived';
comment on constraint contacts_payment_method_check on contacts is 'The payment methods that accounting can book';

alter table subscriptions
  add column payment_method text,
  add column payment_notes text;

comment on column subscriptions.payment_method is 'Differs from the contact''s where a partner pays for somebody else';

create index idx_contacts_expected_partner on contacts (is_expected_program_partner)
  where is_expected_program_partner;

comment on index idx_contacts_expected_partner is 'Few contacts are partners; the index holds only those';

create table program_partner_audit_log (
  id bigint generated always as identity primary key,
  contact_id uuid not null,
  action text not null,
  old_value text,
  new_value text,
  notes text,
  changed_by text not null default session_user,
  changed_at timestamptz not null default now(),

  constraint program_partner_audit_log_contact_id_fkey
    foreign key (contact_id) references contacts (id) on delete cascade,
  constraint program_partner_audit_log_action_check
    check (action in ('partner_added', 'partner_removed', 'payment_method_updated'))
);

comment on table program_partner_audit_log is 'Every change to a contact''s program partner status';
comment on column program_partner_audit_log.changed_by is 'The database user who asked for the change';
comment on constraint program_partner_audit_log_contact_id_fkey on program_partner_audit_log is
  'A deleted contact takes its history along';

create index idx_partner_audit_contact_id on program_partner_audit_log (contact_id);
create index idx_partner_audit_action on program_partner_audit_log (action);
create index idx_partner_audit_changed_at on program_partner_audit_log (changed_at desc);

comment on index idx_partner_audit_changed_at is 'The audit trail is read newest first';

alter table program_partner_audit_log enable row level security;

create policy program_partner_audit_log_read on program_partner_audit_log
  for select to crm_app, crm_reporting
  using (true);

create policy program_partner_audit_log_write on program_partner_audit_log
  for insert to crm_app
  with check (changed_by = session_user);

comment on policy program_partner_audit_log_write on program_partner_audit_log is
  'Nobody writes entries in another user''s name';

create table legacy_program_partner_corrections (
  id serial primary key,
  contact_id uuid not null,
  field_name text not null,
  legacy_value text,
  corrected_value text,
  is_corrected boolean not null default false,
  corrected_at timestamptz,
  created_at timestamptz not null default now(),

  constraint legacy_program_partner_corrections_contact_id_fkey
    foreign key (contact_id) references contacts (id) on delete cascade,
  constraint legacy_program_partner_corrections_done_check
    check (is_corrected = (corrected_at is not null))
);

comment on table legacy_program_partner_corrections is 'Values of the old system that had to be corrected';

create index idx_legacy_corrections_contact on legacy_program_partner_corrections (contact_id);
create index idx_legacy_corrections_uncorrected on legacy_program_partner_corrections (created_at)
  where not is_corrected;

comment on index idx_legacy_corrections_uncorrected is 'The work list: oldest uncorrected value first';

-- Flags a contact as program partner; returns the audit entry's id.
create function add_program_partner_status(p_contact_id uuid, p_notes text default null) returns bigint
language plpgsql
security definer
set search_path = public, pg_temp
as $$
declare
  entry_id bigint;
begin
  update contacts
  set is_expected_program_partner = true,
      partner_status_notes = coalesce(p_notes, partner_status_notes)
  where id = p_contact_id;

  if not found then
    raise exception 'contact % does not exist', p_contact_id using errcode = 'no_data_found';
  end if;

  insert into program_partner_audit_log (contact_id, action, new_value, notes)
  values (p_contact_id, 'partner_added', 'true', p_notes)
  returning id into entry_id;

  return entry_id;
end
$$;

comment on function add_program_partner_status(uuid, text) is 'Flags a contact as program partner';

-- Takes the flag away again; returns the audit entry's id, or null when the contact was no partner.
create function remove_program_partner_status(p_contact_id uuid, p_reason text) returns bigint
language plpgsql
as $$
declare
  entry_id bigint;
begin
  update contacts
  set is_expected_program_partner = false,
      partner_status_notes = p_reason
  where id = p_contact_id
    and is_expected_program_partner;

  if not found then
    return null;
  end if;

  insert into program_partner_audit_log (contact_id, action, old_value, new_value, notes)
  values (p_contact_id, 'partner_removed', 'true', 'false', p_reason)
  returning id into entry_id;

  return entry_id;
end
$$;

comment on function remove_program_partner_status(uuid, text) is 'Takes the program partner flag from a contact';

-- Records how a partner pays and, if given, when; returns the audit entry's id.
create function update_payment_method(
  p_contact_id uuid,
  p_payment_method text,
  p_notes text default null,
  p_paid_at timestamptz default null
) returns bigint
language plpgsql
as $$
declare
  previous_method text;
  entry_id bigint;
begin
  select payment_method into previous_method
  from contacts
  where id = p_contact_id
  for no key update;

  if not found then
    raise exception 'contact % does not exist', p_contact_id using errcode = 'no_data_found';
  end if;

  update contacts
  set payment_method = p_payment_method,
      payment_method_notes = p_notes,
      last_payment_date = coalesce(p_paid_at, last_payment_date)
  where id = p_contact_id;

  insert into program_partner_audit_log (contact_id, action, old_value, new_value, notes)
  values (p_contact_id, 'payment_method_updated', previous_method, p_payment_method, p_notes)
  returning id into entry_id;

  return entry_id;
end
$$;

comment on function update_payment_method(uuid, text, text, timestamptz) is
  'Records how a program partner pays, and when';

create view program_partner_audit_history with (security_barrier = true) as
  select
    l.id,
    l.contact_id,
    c.first_name || ' ' || c.last_name as contact_name,
    l.action,
    l.old_value,
    l.new_value,
    l.notes,
    l.changed_by,
    l.changed_at
  from program_partner_audit_log l
  join contacts c on c.id = l.contact_id
  order by l.changed_at desc, l.id desc;

comment on view program_partner_audit_history is 'The audit trail with contact names, newest first';
comment on column program_partner_audit_history.contact_name is 'The name as it is now, not as it was';

create view program_partner_compliance as
  select
    c.id as contact_id,
    c.first_name || ' ' || c.last_name as contact_name,
    c.email,
    c.payment_method,
    c.last_payment_date,
    c.partner_status_notes,
    c.payment_method is not null and c.last_payment_date is not null as is_payment_documented,
    (
      select count(*)
      from subscriptions s
      where s.contact_id = c.id
        and s.status = 'active'
        and coalesce(s.payment_method, c.payment_method) is null
    ) as undocumented_subscriptions
  from contacts c
  where c.is_expected_program_partner;

comment on view program_partner_compliance is 'Program partners and what is missing in their records';

grant select, insert on program_partner_audit_log to crm_app;
grant select on program_partner_audit_log to crm_reporting;
grant select, insert, update, delete on legacy_program_partner_corrections to crm_app;
grant usage on sequence legacy_program_partner_corrections_id_seq to crm_app;
grant select on program_partner_audit_history to crm_app, crm_reporting;
grant select on program_partner_compliance to crm_app;
grant select on program_partner_compliance to crm_reporting with grant option;
grant select (is_expected_program_partner) on contacts to crm_reporting;

revoke execute on function
  add_program_partner_status(uuid, text),
  remove_program_partner_status(uuid, text),
  update_payment_method(uuid, text, text, timestamptz)
from public;

grant execute on function
  add_program_partner_status(uuid, text),
  remove_program_partner_status(uuid, text),
  update_payment_method(uuid, text, text, timestamptz)
to crm_app;

reset role;
