import { readFile } from 'node:fs/promises'
import type { Scale } from './scales.ts'

const demoFile = (name: string) => readFile(new URL(`../demo/${name}`, import.meta.url), 'utf8')

export const rolesScript = (): Promise<string> => demoFile('roles.sql')
export const schemaScript = (): Promise<string> => demoFile('schema.sql')

/** Every so manieth contact is a partner. */
const every = ({ contacts, partners }: Scale) => Math.floor(contacts / partners)

/**
 * The demo's rows at another scale, made by the server: ids are MD5 sums, hence in no order. One partner in five pays;
 * one subscription in twenty has payment data, and one contact in 2,000 that is no partner.
 */
export function dataScript(scale: Scale): string {
  const partner = `n % ${String(every(scale))} = 5 % ${String(every(scale))} and n / ${String(every(scale))} < ${String(scale.partners)}`
  const pays = `((${partner}) and n % 5 = 0 or n % 2000 = 7)`
  const guide = scale.name === 'guide'
  const payment = (value: string) => (guide ? `case n when 5 then ${value} end` : `case when ${pays} then ${value} end`)
  return `
set synchronous_commit = off;
set session_replication_role = replica; -- foreign keys hold by construction
set maintenance_work_mem = '512MB';

-- indexes are built faster after the rows are there
create temporary table later as
  select pg_get_indexdef(i.indexrelid) as def, i.indexrelid::regclass::text as name,
    obj_description(i.indexrelid, 'pg_class') as comment
  from pg_index i
  where i.indrelid in ('contacts'::regclass, 'subscriptions'::regclass, 'notes'::regclass, 'program_partner_audit_log'::regclass)
    and not exists (select from pg_constraint k where k.conindid = i.indexrelid);
do $$ declare d record; begin for d in select name from later loop execute 'drop index ' || d.name; end loop; end $$;

insert into organisations (id, name, country_code, created_at)
select md5('organisation ' || n)::uuid, 'Organisation ' || n, (array['AT', 'CH', 'DE', 'NL'])[1 + n % 4],
  timestamptz '2023-01-02 09:00:00+00' + n * interval '6 hours'
from generate_series(1, 200) n;

insert into contacts (id, organisation_id, first_name, last_name, email, phone, status, created_at, updated_at,
  is_expected_program_partner, payment_method, payment_method_notes, last_payment_date, partner_status_notes)
select
  md5('contact ' || n)::uuid,
  case when n % 3 > 0 then md5('organisation ' || 1 + n % 200)::uuid end,
  (array['Anna', 'Ben', 'Clara', 'David', 'Eva', 'Felix', 'Greta'])[1 + n % 7],
  (array['Abel', 'Brandt', 'Conrad', 'Dorn', 'Engel', 'Fuchs', 'Graf', 'Hahn', 'Ihde', 'Jung', 'Kern'])[1 + n % 11],
  format('contact%s@example.org', n),
  case when n % 2 = 0 then '+43 1 ' || n end,
  case n % 10 when 1 then 'lead' when 2 then 'archived' else 'active' end,
  timestamptz '2020-01-01 08:00:00+00' + n * interval '1 minute',
  timestamptz '2020-01-01 08:00:00+00' + n * interval '1 minute',
  ${partner},
  ${payment("(array['bank_transfer', 'direct_debit', 'card', 'cash'])[1 + n % 4]")},
  ${payment("'Standing order, each January'")},
  ${payment("timestamptz '2025-01-15 10:30:00+00' + n % 300 * interval '1 day'")},
  case when (${partner}) and n % 4 = 1 then 'Agreement on paper, see the partner folder' end
from generate_series(1, ${String(scale.contacts)}) n;

insert into subscriptions (id, contact_id, plan, status, monthly_amount, started_on, ended_on, payment_method, payment_notes)
select
  md5('subscription ' || n)::uuid,
  md5('contact ' || 1 + n::bigint * 7 % ${String(scale.contacts)})::uuid,
  (array['basic', 'plus', 'patron'])[1 + n % 3],
  case n % 5 when 0 then 'ended' else 'active' end,
  (array[5.00, 12.50, 40.00])[1 + n % 3],
  date '2024-02-01' + n % 600,
  case n % 5 when 0 then date '2024-02-01' + n % 600 + 90 end,
  ${guide ? 'null, null' : "case when n % 20 = 3 then 'card' end, case when n % 20 = 3 then 'Pays for somebody else' end"}
from generate_series(1, ${String(scale.subscriptions)}) n;

insert into program_partner_audit_log (contact_id, action, old_value, new_value, notes, changed_by, changed_at)
select
  md5('contact ' || 1 + n::bigint * 11 % ${String(scale.contacts)})::uuid,
  (array['partner_added', 'partner_removed', 'payment_method_updated'])[1 + n % 3],
  case n % 3 when 0 then null else 'true' end, 'true', case when n % 4 = 0 then 'Agreement on paper' end,
  'crm_app', timestamptz '2021-01-01 08:00:00+00' + n * interval '1 minute'
from generate_series(1, ${String(scale.audit)}) n;

do $$ declare d record; begin
  for d in select * from later loop
    execute d.def;
    if d.comment is not null then execute format('comment on index %s is %L', d.name, d.comment); end if;
    execute format('alter index %s owner to crm_owner', d.name);
  end loop;
end $$;
drop table later;
`
}
