/** What is left of the feature beside its backups: the runbook's verification. */
export const LEFT_OF_THE_FEATURE = `
  select 'tables' as kind, count(*)
  from information_schema.tables
  where table_schema = 'public' and table_type = 'BASE TABLE'
    and table_name in ('program_partner_audit_log', 'legacy_program_partner_corrections')
  union all
  select 'columns', count(*)
  from information_schema.columns
  where table_schema = 'public'
    and (table_name, column_name) in (
      ('contacts', 'is_expected_program_partner'), ('contacts', 'payment_method'), ('contacts', 'payment_method_notes'),
      ('contacts', 'last_payment_date'), ('contacts', 'partner_status_notes'),
      ('subscriptions', 'payment_method'), ('subscriptions', 'payment_notes')
    )
  union all
  select 'functions', count(*)
  from pg_catalog.pg_proc
  where pronamespace = 'public'::regnamespace
    and proname in ('add_program_partner_status', 'remove_program_partner_status', 'update_payment_method')
  union all
  select 'views', count(*)
  from pg_catalog.pg_views
  where schemaname = 'public' and viewname in ('program_partner_audit_history', 'program_partner_compliance')`

/** The columns of contacts, in one line. */
export const CONTACT_COLUMNS = `
  select string_agg(attname, ', ' order by attnum) as columns
  from pg_catalog.pg_attribute
  where attrelid = 'public.contacts'::regclass and attnum > 0 and not attisdropped`

/** Every backup table with its rows, counted. */
export const BACKUPS = `
  select
    relname as table,
    (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from public.%I', relname), false, true, '')))[1]::text
      as rows,
    pg_size_pretty(pg_total_relation_size(oid)) as size
  from pg_catalog.pg_class
  where relnamespace = 'public'::regnamespace and relkind = 'r' and relname like 'backup\\_%'
  order by relname`

/** A backed-up row of contacts. */
export const A_BACKED_UP_ROW = `
  select id, is_expected_program_partner, payment_method, last_payment_date::text
  from backup_program_partner_contacts
  where payment_method is not null`

/** A few partners with what the feature knows about them. */
export const PARTNERS = `
  select contact_name, payment_method, last_payment_date::text, is_payment_documented
  from program_partner_compliance
  order by last_payment_date nulls last, contact_id
  limit 3`

/** The audit trail of the feature's functions. */
export const AUDIT_TRAIL = `
  select contact_name, action, new_value, changed_by, changed_at::text
  from program_partner_audit_history`
