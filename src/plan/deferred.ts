import { dollarQuote } from '../sql.ts'

/** Fires what is pending: PostgreSQL alters no table for which it is. Of all constraints, as any may have something pending there. */
export const ALL_IMMEDIATE = 'set constraints all immediate'

/**
 * Has constraints that are INITIALLY DEFERRED wait for the commit again, as they do unless a transaction says otherwise: a caller's
 * goes on after us. (SET CONSTRAINTS refuses a name that one constraint of the schema has that cannot wait.)
 */
export const DEFERRED_AGAIN = `do ${dollarQuote(
  `
declare
  names text;
begin
  select pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, k.conname), ', ') into names
  from pg_catalog.pg_constraint k join pg_catalog.pg_namespace n on n.oid = k.connamespace
  where k.condeferred and not exists (select from pg_catalog.pg_constraint o
    where o.connamespace = k.connamespace and o.conname = k.conname and not o.condeferrable);
  if names is not null then
    execute 'set constraints ' || names || ' deferred';
  end if;
end`,
  'deferred',
)}`
