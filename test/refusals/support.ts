import { expect, test } from 'vitest'
import { removeFeature, type FeatureDeclaration, type UnshipErrorCode } from 'kysely-unship'
import { useSharedDatabase, type TestDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { major } from '../support/round-trip.ts'

/** A feature that is refused, and what the refusal says. */
export interface RefusedCase {
  readonly setup: string
  readonly feature: Omit<FeatureDeclaration, 'name'>
  readonly reason: string | RegExp
  readonly code?: UnshipErrorCode
  /** The setup and the removal run as the superuser. */
  readonly superuser?: boolean
  /** The first PostgreSQL that has such a thing. */
  readonly since?: number
}

/** One test for each case; each must be refused, with its reason, and leave everything as it was. */
export function testRefusals(cases: Readonly<Record<string, RefusedCase>>): void {
  const database = useSharedDatabase()
  test.each(Object.entries(cases))('%s', async (_, { setup, feature, reason, code, superuser, since }) => {
    if (since !== undefined && major() < since) return
    const client = await database().connect(superuser ? 'admin' : undefined)
    try {
      await client.query(setup)
      const db = superuser ? database().admin : database().db
      const error = await refusedUnchanged(database(), code ?? 'not_restorable', () =>
        removeFeature(db, { name: 'items', ...feature }),
      )
      if (typeof reason === 'string') expect(error.detail).toContain(reason)
      else expect(error.detail).toMatch(reason)
    } finally {
      await client.end()
      await empty(database())
    }
  })
}

/** Drops all that a case made. */
const empty = (database: TestDatabase) =>
  database.query(`
    do $do$
    declare statement text;
    begin
      for statement in
        select format('drop publication %I', pubname) from pg_publication
        union all select format('drop event trigger %I', evtname) from pg_event_trigger
        union all select format('alter subscription %I set (slot_name = none); drop subscription %1$I', subname)
          from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())
        union all select format('drop extension %I cascade', extname) from pg_extension where extname <> 'plpgsql'
        union all select format('drop foreign data wrapper %I cascade', fdwname) from pg_foreign_data_wrapper
      loop
        execute statement;
      end loop;
    end $do$;
    drop schema public cascade;
    create schema public authorization crm_owner`)

/** `create table item`, which a feature declares. */
export const ITEM = 'create table item (id int primary key, name text);'
/** `create table host`, of which a feature declares the column `gone`. */
export const HOST = 'create table host (id int primary key, gone text, kept text);'
export const items = { tables: ['item'] }
export const gone = { columns: { host: ['gone'] } }

/** An immutable SQL function. */
export const routine = (signature: string, returns: string, body: string) =>
  `create function ${signature} returns ${returns} language sql immutable as $$${body}$$;`

/** A trigger function that does nothing. */
export const TRIGGER_FUNCTION =
  "create function on_change() returns trigger language plpgsql as 'begin return new; end';"
