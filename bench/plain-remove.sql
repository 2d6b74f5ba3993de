-- The plain script: what one writes who takes the feature out by hand, in one transaction.

begin;

select count(*) as partners from contacts where is_expected_program_partner;
select count(*) as audit_entries from program_partner_audit_log;
select count(*) as payment_data from contacts
  where payment_method is not null or payment_method_notes is not null or last_payment_date is not null;
select count(*) as corrections from legacy_program_partner_corrections;
select count(*) as subscription_payments from subscriptions where payment_method is not null or payment_notes is not null;

create table backup_program_partner_contacts as
  select *, now() as backed_up_at from contacts where is_expected_program_partner;
create table backup_program_partner_audit_log as
  select *, now() as backed_up_at from program_partner_audit_log;
create table backup_legacy_program_partner_corrections as
  select *, now() as backed_up_at from legacy_program_partner_corrections;

drop view if exists program_partner_compliance cascade;
drop view if exists program_partner_audit_history cascade;

drop function if exists add_program_partner_status(uuid, text);
drop function if exists remove_program_partner_status(uuid, text);
drop function if exists update_payment_method(uuid, text, text, timestamptz);

drop table if exists program_partner_audit_log cascade;
drop table if exists legacy_program_partner_corrections cascade;

drop index if exists idx_contacts_expected_partner;
alter table contacts
  drop column if exists is_expected_program_partner,
  drop column if exists payment_method,
  drop column if exists payment_method_notes,
  drop column if exists last_payment_date,
  drop column if exists partner_status_notes;
alter table subscriptions
  drop column if exists payment_method,
  drop column if exists payment_notes;

select count(*) as columns_left from information_schema.columns
  where table_name = 'contacts' and column_name = 'is_expected_program_partner';
select count(*) as backed_up_contacts from backup_program_partner_contacts;
select count(*) as backed_up_entries from backup_program_partner_audit_log;

commit;
