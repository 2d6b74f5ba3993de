-- The demo's rows, the same at every load: 200 organisations, 3,000 contacts,
-- 4,000 subscriptions, 1,500 notes, and of the program partner feature what its
-- runbook counts: 41 partners, 3 audit entries, 1 contact with payment data,
-- no corrections, no payment data on subscriptions.

set role crm_owner;

insert into organisations (id, name, country_code, created_at)
select
  md5('organisation ' || n)::uuid,
  format('%s %s', (array['North', 'Harbour', 'Linden', 'Bridge', 'Meadow'])[1 + n % 5], to_char(n, 'FM000')),
  (array['AT', 'CH', 'DE', 'NL'])[1 + n % 4],
  timestamptz '2023-01-02 09:00:00+00' + n * interval '6 hours'
from generate_series(1, 200) n;

-- Every 74th contact, from the 5th on, is a program partner: 41 of 3,000. The
-- 5th pays; every fourth partner has status notes.
insert into contacts (
  id, organisation_id, first_name, last_name, email, phone, status, created_at, updated_at,
  is_expected_program_partner, payment_method, payment_method_notes, last_payment_date, partner_status_notes
)
select
  md5('contact ' || n)::uuid,
  case when n % 3 > 0 then md5('organisation ' || 1 + n % 200)::uuid end,
  (array['Anna', 'Ben', 'Clara', 'David', 'Eva', 'Felix', 'Greta'])[1 + n % 7],
  (array['Abel', 'Brandt', 'Conrad', 'Dorn', 'Engel', 'Fuchs', 'Graf', 'Hahn', 'Ihde', 'Jung', 'Kern'])[1 + n % 11],
  format('contact%s@example.org', n),
  case when n % 2 = 0 then format('+43 1 %s', to_char(n, 'FM000000')) end,
  case n % 10 when 1 then 'lead' when 2 then 'archived' else 'active' end,
  timestamptz '2024-01-01 08:00:00+00' + n * interval '4 hours',
  timestamptz '2024-01-01 08:00:00+00' + n * interval '4 hours',
  n % 74 = 5,
  case n when 5 then 'bank_transfer' end,
  case n when 5 then 'Standing order, each January' end,
  case n when 5 then timestamptz '2025-01-15 10:30:00+00' end,
  case n % 296 when 5 then 'Agreement on paper, see the partner folder' end
from generate_series(1, 3000) n;

insert into subscriptions (id, contact_id, plan, status, monthly_amount, started_on, ended_on, created_at, updated_at)
select
  md5('subscription ' || n)::uuid,
  md5('contact ' || 1 + n * 7 % 3000)::uuid,
  (array['basic', 'plus', 'patron'])[1 + n % 3],
  case n % 5 when 0 then 'ended' else 'active' end,
  (array[5.00, 12.50, 40.00])[1 + n % 3],
  date '2024-02-01' + n % 600,
  case n % 5 when 0 then date '2024-02-01' + n % 600 + 90 end,
  timestamptz '2024-02-01 08:00:00+00' + n % 600 * interval '1 day',
  timestamptz '2024-02-01 08:00:00+00' + n % 600 * interval '1 day'
from generate_series(1, 4000) n;

insert into notes (contact_id, author, body, created_at)
select
  md5('contact ' || 1 + n * 13 % 3000)::uuid,
  'crm_app',
  (array['Called back', 'Asked for the annual report', 'Met at the spring event'])[1 + n % 3],
  timestamptz '2025-01-01 08:00:00+00' + n * interval '3 hours'
from generate_series(1, 1500) n;

-- What the feature's functions would have written, at fixed times.
insert into program_partner_audit_log (contact_id, action, old_value, new_value, notes, changed_by, changed_at)
values
  (
    md5('contact 5')::uuid, 'partner_added', null, 'true', 'Agreement on paper, see the partner folder',
    'crm_app', '2025-01-10 09:12:00+00'
  ),
  (
    md5('contact 5')::uuid, 'payment_method_updated', null, 'bank_transfer', 'Standing order, each January',
    'crm_app', '2025-01-16 08:05:00+00'
  ),
  (
    md5('contact 79')::uuid, 'partner_added', null, 'true', null,
    'crm_app', '2025-02-03 14:40:00+00'
  );

analyze organisations, contacts, subscriptions, notes, program_partner_audit_log, legacy_program_partner_corrections;

reset role;
