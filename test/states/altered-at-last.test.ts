import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { noTraces, readTraces } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('what another session alters when a removal has looked for the last time', () => {
  const database = useDatabase()
  const extras = defineFeature()({
    name: 'extras',
    tables: ['partners', 'open'],
    columns: { members: ['note', 'amount'] },
    views: ['notes', 'open_notes', 'counted'],
    functions: ['noting', 'noted', 'all_of'],
    acknowledge: { eventTriggers: ['stall'] },
  })
  beforeEach(async () => {
    await asOwner(
      database(),
      `
        create table members (id int primary key, name text not null, note text, amount numeric);
        create table partners (id int generated always as identity primary key, member int references members, label text);
        create table open (id serial primary key, label text) with (fillfactor = 90);
        insert into members select n, 'name', 'note ' || n, n from generate_series(1, 50) n;
        create statistics both_of on note, amount from members;
        create function noting() returns int language sql as 'select 1';
        create procedure noted() language sql as 'select 1';
        create aggregate all_of(int) (sfunc = int4pl, stype = int);
        create view notes as select id, note from members;
        create view open_notes with (security_barrier) as select id, note from members;
        create materialized view counted as select count(note) as notes from members;
        grant select on partners, open_notes to crm_app;
        grant usage on sequence partners_id_seq to crm_app`,
    )
    await database().query(`
      create function stall() returns event_trigger language plpgsql as $$
        begin
          if tg_tag = current_setting('stall.at', true) and current_setting('unship.still', true) <> '' then
            perform pg_advisory_xact_lock_shared(1);
          end if;
        end $$;
      create event trigger stall on ddl_command_start execute function stall()`)
  })

  test.each<readonly [at: string, alter: string]>([
    // between the comparison and the locks that others wait for
    ['REVOKE', 'grant update on partners to crm_app'],
    ['REVOKE', 'grant update (label) on partners to crm_app'],
    ['REVOKE', 'grant select on sequence partners_id_seq to crm_app'],
    // under these
    ...[
      'alter function noting() stable',
      `create or replace function noting() returns int language sql as 'select 2'`,
      'grant execute on function noting() to crm_app',
      'revoke execute on procedure noted() from public',
      'alter procedure noted() security definer',
      'grant execute on function all_of(int) to crm_app',
      'alter statistics both_of set statistics 77',
      'grant update on partners to crm_app',
      'grant update (label) on partners to crm_app',
      'grant select on sequence partners_id_seq to crm_app',
      'grant update (amount) on members to crm_app',
      'grant select on notes to crm_app',
      'grant select (id) on notes to crm_app',
      'grant select on open to crm_app',
      'grant select (label) on open to crm_app',
      'grant usage on sequence open_id_seq to crm_app',
      'grant select on counted to crm_app',
      'grant select (notes) on counted to crm_app',
      `comment on materialized view counted is 'news'`,
      'revoke select on open_notes from crm_app',
    ].map((alter) => ['DROP TRIGGER', alter] as const),
  ])('before its %s: %s', async (at, alter) => {
    const holder = await database().connect()
    const other = await database().connect('crm_owner')
    await database().query(`alter database ${database().name} set stall.at = '${at}'`)
    await holder.query('select pg_advisory_lock(1)')
    const removal = removeFeature(database().db, extras, { lockTimeoutMs: 5_000 }).then(
      ({ outcome }) => outcome,
      (error: unknown) => error,
    )
    const stalled = `select from pg_locks where locktype = 'advisory' and not granted`
    while ((await holder.query(stalled)).rowCount === 0) await sleep(5)
    const altered = other.query(alter).then(
      () => true,
      () => false,
    )
    await Promise.race([altered, sleep(200)])
    await holder.query('select pg_advisory_unlock(1)')
    const outcome = await removal
    if (await altered) {
      expect(outcome).toMatchObject({ code: 'plan_changed' })
      expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
    } else expect(outcome).toBe('removed')
  })
})
