import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase, type TestDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { asOwner } from '../support/round-trip.ts'

/** Somebody who may create objects where the migrating role looks for names, and notes who runs them. */
const TRAP = `
  create schema trap;
  grant usage on schema trap to public;
  create table trap.ran (who text, what text);
  grant insert, select on trap.ran to public;
  create function trap.note(what text) returns bool language plpgsql volatile set search_path = '' as
    $$ begin insert into trap.ran values (current_user, what); return true; end $$;`

const ran = (database: TestDatabase) => database.query('select distinct who, what from trap.ran')

const TYPES = [
  'text',
  'varchar',
  'int',
  'bigint',
  'uuid',
  'timestamptz',
  'name',
  'oid',
  'regclass',
  'jsonb',
  'bool',
  'tid',
]

/** Every operator that statements might use, for the very types of the columns: better matches than pg_catalog's own. */
const OPERATORS = TYPES.flatMap((type) =>
  ['=', '<>', '<', '>', '<=', '>=', '||', '->>', '~'].map((name, n) => {
    const routine = `public.trapped_${type}_${String(n)}`
    return `create function ${routine}(a ${type}, b ${type}) returns bool language sql volatile as
        $$ select trap.note('operator ${name} of ${type}') $$;
      create operator public.${name} (leftarg = ${type}, rightarg = ${type}, function = ${routine});`
  }),
).join('\n')

const FUNCTIONS = [
  ...['count(text)', 'lower(text)', 'quote_ident(text)', 'format(text)', 'to_regclass(text)'],
  ...['current_setting(text)', 'pg_backend_pid()', 'clock_timestamp()', 'statement_timestamp()', 'now()'],
  ...['pg_get_viewdef(oid)', 'pg_get_indexdef(oid)', 'hashtextextended(text, bigint)', 'gen_random_uuid()'],
  ...['pg_try_advisory_lock(bigint)', 'set_config(text, text, boolean)'],
]
  .map(
    (signature) =>
      `create function public.${signature} returns bool language sql volatile as $$ select trap.note('function ${signature}') $$;`,
  )
  .join('\n')

const feature = defineFeature()({
  name: 'f',
  tables: ['notes'],
  views: ['shown'],
  functions: ['shout'],
  columns: { people: ['nick', 'tags', 'token'] },
})

const setup = `
  create table people (key varchar(40) primary key, name varchar(40) not null, nick varchar(40) default 'none', tags jsonb,
    token uuid not null default gen_random_uuid());
  create table notes (id int primary key, person varchar(40) references people, body text);
  insert into people (key, name, nick, tags) select 'k' || n, 'n' || n, 'x' || n, '{"a": 1}' from generate_series(1, 50) n;
  insert into notes select n, 'k' || n, 'b' from generate_series(1, 20) n;
  create index people_nick on people (lower(nick)) where nick <> 'y';
  alter table people add constraint nick_short check (length(nick) < 30);
  create view shown as select key || nick as both from people where nick = 'x1';
  create function shout(a varchar) returns text language sql as 'select upper(a)';`

describe('functions and operators that shadow those of pg_catalog', () => {
  const database = useDatabase()

  test.each(['public', '"$user", public, pg_catalog', 'trap, public, pg_catalog'])(
    'are not run with the rights of the migrating role (search_path %s)',
    async (path) => {
      await asOwner(database(), setup)
      await database().query(`${TRAP} ${OPERATORS} ${FUNCTIONS}`)
      await database().query(`alter database ${database().name} set search_path = ${path}`)
      const before = await readState(database())
      await database().query('truncate trap.ran')
      expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
      await asOwner(database(), `set search_path = ''; insert into public.people (key, name) values ('new', 'new')`)
      expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await ran(database())).toEqual([])
      await asOwner(
        database(),
        `set search_path = ''; delete from public.people where name operator(pg_catalog.=) 'new'`,
      )
      expect((await readState(database())).definitions).toEqual(before.definitions)
    },
  )
})

describe('triggers and policies of others', () => {
  const database = useDatabase()

  test('on a kept table do not run when its columns are removed, filled, validated', async () => {
    await asOwner(database(), setup)
    await database().query(`${TRAP}
      create function trap.fires() returns trigger language plpgsql as $$ begin perform trap.note('trigger ' || tg_name); return coalesce(new, old); end $$;
      create trigger before_row before insert or update or delete on people for each row execute function trap.fires();
      create trigger after_row after insert or update or delete on people for each row execute function trap.fires();
      create trigger always_row after update on people for each row execute function trap.fires();
      alter table people enable always trigger always_row;
      create trigger per_statement before update or truncate on people for each statement execute function trap.fires();
      create constraint trigger deferred after update on people deferrable initially deferred for each row execute function trap.fires();
      create policy seen on people using (trap.note('policy')) with check (trap.note('policy'));
      alter table people enable row level security;
      create policy seen on notes using (trap.note('policy'));
      alter table notes enable row level security;
      create trigger on_notes before insert or update or delete on notes for each row execute function trap.fires();
      grant execute on all functions in schema trap to public`)
    const before = await readState(database())
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
    expect(await ran(database())).toEqual([])
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await ran(database())).toEqual([])
    expect(await readState(database())).toEqual(before)
    // they do work
    await asOwner(database(), `update people set name = 'other' where key = 'k1'`)
    expect((await ran(database())).length).toBeGreaterThan(3)
  })
})
