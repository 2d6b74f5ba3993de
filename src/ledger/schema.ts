/** The schema of our own, created on demand; only the migrating role can read it. */
export const LEDGER_SCHEMA = 'unship'

export const LEDGER_TABLES = ['runs', 'objects', 'statements', 'events'] as const

/** Raised when the tables change shape; every later release reads the earlier ones. */
export const LEDGER_FORMAT = 1

/**
 * Creates the ledger where it is missing.
 *
 * `runs`: one row per removal, restore or abort. `objects`: what a removal
 * took, with its definition. `statements`: the SQL that restores it, in order;
 * whoever runs them by hand in that order restores the feature without this
 * package. `events`: an append-only account.
 */
export const createLedger = `
-- of two first runs at once one creates it: even IF NOT EXISTS fails where another transaction is about to
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('kysely-unship ledger', 0));
do $$ begin
  -- IF NOT EXISTS would demand CREATE on the database even where the schema is there
  if pg_catalog.to_regnamespace('${LEDGER_SCHEMA}') is null then create schema ${LEDGER_SCHEMA}; end if;
end $$;
revoke all on schema ${LEDGER_SCHEMA} from public;
create table if not exists ${LEDGER_SCHEMA}.runs (
  id bigint generated always as identity primary key,
  format integer not null,
  feature text not null,
  direction text not null check (direction in ('removal', 'restore')),
  phase text not null,
  state text not null check (state in ('running', 'done', 'absent', 'aborted')),
  removal_id bigint references ${LEDGER_SCHEMA}.runs,
  started_at timestamptz not null default pg_catalog.clock_timestamp(),
  finished_at timestamptz,
  session_role text not null default session_user,
  acting_role text not null default current_user,
  application_name text not null default pg_catalog.current_setting('application_name'),
  actor text,
  reason text,
  build text,
  server_version text not null default pg_catalog.current_setting('server_version'),
  package_version text not null,
  fingerprint text,
  declaration jsonb,
  plan jsonb,
  counts jsonb not null default '{}',
  checksums jsonb not null default '{}',
  report jsonb not null default '{}',
  error text
);
create unique index if not exists runs_one_running on ${LEDGER_SCHEMA}.runs (feature) where state = 'running';
create table if not exists ${LEDGER_SCHEMA}.objects (
  run_id bigint not null references ${LEDGER_SCHEMA}.runs,
  position integer not null,
  kind text not null,
  identity text not null,
  handling text not null,
  why text not null,
  removal_sql text,
  restore_sql text,
  fingerprint text,
  primary key (run_id, position)
);
create table if not exists ${LEDGER_SCHEMA}.statements (
  run_id bigint not null references ${LEDGER_SCHEMA}.runs,
  position integer not null,
  phase text not null,
  action text not null,
  sql text not null,
  reason text not null,
  lock_mode text,
  relations text[] not null default '{}',
  object text,
  done_at timestamptz,
  primary key (run_id, position)
);
create table if not exists ${LEDGER_SCHEMA}.events (
  id bigint generated always as identity primary key,
  run_id bigint references ${LEDGER_SCHEMA}.runs,
  at timestamptz not null default pg_catalog.clock_timestamp(),
  event text not null,
  detail jsonb not null default '{}'
);
`
