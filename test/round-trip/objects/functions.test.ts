import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { useRoles } from '../../support/role.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../../support/round-trip.ts'

describe('functions', () => {
  const roles = useRoles('coder')
  const database = useDatabase()
  const table = `create table item (id int primary key, name text); insert into item values (1, 'a');`

  test('overloaded ones are named by their signatures', async () => {
    await asOwner(
      database(),
      `create function f(int) returns int language sql as 'select 1';
       create function f(text, variadic int[] default '{}') returns int language sql as 'select 2';
       create function f(a numeric(10, 2), out b int, out c text) language sql as $$select 3, 'x'$$;
       create function f() returns int language sql as 'select 4';
       create schema other; create function other.f(int) returns int language sql as 'select 5';
       comment on function f(int) is 'of one';`,
    )
    const refusal = await expectRefusal(database(), { name: 'fs', functions: ['f'] })
    expect(refusal.code).toBe('ambiguous_function')
    await expectRoundTrip(database(), {
      name: 'fs',
      functions: ['f(int)', 'f(text, int[])', 'f(numeric)'],
    })
  })

  test('of every kind and with every clause', async () => {
    await asOwner(
      database(),
      `${table}
       create procedure p(in a int, inout b text default 'x') language plpgsql security definer set search_path = public, pg_temp
         as $p$begin b := $q$it's$q$; commit; end$p$;
       create function rows_of() returns setof item language sql stable rows 7 as 'select * from public.item';
       create function as_table(n int default 3, m text default E'a\\nb') returns table (id int, name text)
         language sql parallel safe cost 9 as 'select n, m';
       create function of_item(i item) returns text language sql immutable strict as 'select i.name';
       create function set_things() returns void language plpgsql set work_mem = '5MB' set datestyle to 'German' as 'begin null; end';
       create function atomic(n int) returns bigint language sql begin atomic select count(*) from item where id > n; end;
       create function uses_atomic(n int default atomic(1)) returns bigint language sql return atomic(n) + 1;
       create aggregate total(numeric) (sfunc = numeric_add, stype = numeric, initcond = '0');
       create function add_one(int, int) returns int language sql immutable as 'select $1 + $2';
       create aggregate added(int) (sfunc = add_one, stype = int);
       create aggregate anything(*) (sfunc = int8inc, stype = int8, initcond = '0');
       comment on aggregate total(numeric) is 'total'; comment on procedure p(int, text) is 'proc';
       grant execute on function rows_of() to crm_app; revoke all on function as_table(int, text) from public, crm_owner;
       grant execute on procedure p(int, text) to crm_app with grant option; grant execute on function total(numeric) to crm_app;`,
    )
    await expectRoundTrip(database(), {
      name: 'fs',
      tables: ['item'],
      functions: [
        ...['p', 'rows_of', 'as_table', 'of_item', 'set_things', 'atomic', 'uses_atomic'],
        ...['total(numeric)', 'add_one', 'added', 'anything'],
      ],
    })
  })

  test('on the rows of a host table, and a window function', async () => {
    await asOwner(
      database(),
      `create table host (id uuid primary key, name text, gone int);
       create function name_of(h host) returns text language sql as 'select h.name';
       create function hosts() returns setof host language sql as 'select * from public.host';`,
    )
    await database().query(
      `create function numbered() returns bigint language internal window as 'window_row_number';
       alter function numbered() owner to crm_owner;`,
    )
    await expectRoundTrip(
      database(),
      { name: 'fs', columns: { host: ['gone'] }, functions: ['name_of', 'hosts', 'numbered'] },
      { db: database().admin },
    )
  })

  test.each([
    ['a language', `create function odd() returns bigint language internal window as 'window_row_number'`],
    ['leakproof', `create function odd() returns int language sql leakproof as 'select 1'`],
    [
      'a setting',
      `create function odd() returns int language sql set session_replication_role = replica as 'select 1'`,
    ],
  ])('that the role may not create again are not dropped: %s', async (_, create) => {
    await database().query(
      `${create}; alter function odd() owner to crm_owner; revoke all on function odd() from public`,
    )
    await expectRoundTrip(database(), { name: 'fs', functions: ['odd'] })
  })

  test('of another role need membership', async () => {
    const [coder] = roles()
    await database().query(
      `grant create on schema public to ${coder}; set role ${coder};
       create function theirs() returns int language sql security definer as 'select 1'; reset role;`,
    )
    const feature = { name: 'fs', functions: ['theirs'] }
    const refusal = await expectRefusal(database(), feature)
    expect(refusal).toMatchObject({ code: 'not_owner', detail: `function theirs() belongs to ${coder}.` })
    await database().query(`grant ${coder} to crm_owner`)
    await expectRoundTrip(database(), feature)
  })

  test('of event triggers are refused', async () => {
    await database().query(
      `create function on_ddl() returns event_trigger language plpgsql as 'begin end'; alter function on_ddl() owner to crm_owner;
       create event trigger watch_ddl on ddl_command_end execute function on_ddl(); alter event trigger watch_ddl disable;`,
    )
    const refusal = await expectRefusal(database(), { name: 'fs', functions: ['on_ddl'] })
    expect(refusal.code).toBe('not_restorable')
    expect(refusal.detail).toContain('watch_ddl')
  })

  test('that others call are kept until those are declared too', async () => {
    await asOwner(
      database(),
      `create function base() returns int language sql return 1;
       create function above() returns int language sql return base() + 1;
       create table kept (id int default base());`,
    )
    const refusal = await expectRefusal(database(), { name: 'fs', functions: ['base'] })
    expect(refusal.code).toBe('undeclared_dependents')
    expect(refusal.suggestion?.functions).toEqual(['above()'])
    expect(refusal.detail).toContain('kept')
  })
})
