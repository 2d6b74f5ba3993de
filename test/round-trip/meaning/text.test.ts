import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { refusedUnchanged } from '../../support/refusal.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

describe('definitions that PostgreSQL does not print the same again', () => {
  const database = useDatabase()

  test('lists of varchar in checks, views, indexes and triggers', async () => {
    await database().query(`
      set role crm_owner;
      create table contacts (id uuid primary key default gen_random_uuid(), name text, method varchar(20), note varchar,
        constraint method_known check (method in ('bank', 'it''s [odd]')),
        constraint method_not check (method not in ('x', 'y') or note = any (array['a'::varchar, upper('b')])));
      create index contacts_method on contacts (method) where method in ('bank', 'card');
      create view methods with (security_barrier) as select id, method in ('bank', 'card') as known from contacts where note not in ('a]', 'b');
      create function touch() returns trigger language plpgsql as 'begin return new; end';
      create trigger contacts_touch before update on contacts for each row when (new.method in ('bank', 'card')) execute function touch();
      insert into contacts (name, method) select 'c' || n, case when n % 3 = 0 then 'bank' end from generate_series(1, 30) n;
    `)
    const feature = defineFeature()({
      name: 'methods',
      columns: { contacts: ['method', 'note'] },
      views: ['methods'],
      functions: ['touch'],
      triggers: { contacts: ['contacts_touch'] },
    })
    const before = await readState(database())
    await removeFeature(database().db, feature)
    const restored = await restoreFeature(database().db, feature)
    expect(restored.warnings).toEqual([])
    expect(await readState(database())).toEqual(before)
  })

  test('lists of varchar in functions, their arguments, statistics, defaults and generated columns', async () => {
    await asOwner(
      database(),
      `create table contacts (id int primary key, method varchar(20), methods varchar[],
         known bool generated always as (method in ('bank', methods[1], 'card')) stored,
         mine bool default (current_user::varchar in ('a', 'b')), never bool default ('c'::varchar in ('a', 'b')));
       create view shown as select id, never from contacts;
       alter view shown alter never set default 'c'::varchar in ('a', 'b');
       create statistics known_methods on (method not in ('bank', 'card')), methods from contacts;
       create function count_known(also varchar, really bool default 'c'::varchar in ('a', 'b')) returns bigint language sql
         begin atomic select count(*) from contacts where method in ('bank', 'card', also); end;
       create function as_written(a bool default 'c'::varchar in ('a', 'b')) returns bool language sql
         as $$select 'a'::text = any ((array['a'::character varying])::text[]) or 'b' = any ((ARRAY['b'::character varying])::text[])$$;
       insert into contacts values (1, 'bank', '{x}'), (2, 'x', '{x}'), (3, null, null);`,
    )
    await expectRoundTrip(database(), {
      ...{ name: 'methods', columns: { contacts: ['method', 'methods', 'known', 'mine', 'never'] }, views: ['shown'] },
      functions: ['count_known', 'as_written'],
      acknowledge: { rewrites: { contacts: ['known'] } },
    })
  })

  test('a view that names the columns of its host by place is refused', async () => {
    await database().query(`
      set role crm_owner;
      create table contacts (a int primary key, flag boolean, b int);
      create view flagged as select c.x, c.y from contacts c(x, y, z);
    `)
    const feature = defineFeature()({ name: 'flag', columns: { contacts: ['flag'] }, views: ['flagged'] })
    await expect(planRemoval(database().db, feature)).rejects.toMatchObject({
      code: 'not_restorable',
      detail: 'view flagged names columns of contacts by their place, and restored columns stand last.',
    })
  })

  test('that name columns by place, of a host to which others were added since, are refused at once', async () => {
    await asOwner(
      database(),
      `create table contacts (a int primary key, b int, flag boolean); insert into contacts values (1, 2, true);
       create view flagged as select c.x, c.z from contacts c(x, y, z);`,
    )
    const feature = defineFeature()({ name: 'flag', columns: { contacts: ['flag'] }, views: ['flagged'] })
    await removeFeature(database().db, feature)
    await asOwner(database(), 'alter table contacts add more int')
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe(
      'view flagged names columns of contacts by their place, and columns were added to it since.',
    )
  })

  test('that name columns by place, of a host whose last columns go, are restored', async () => {
    await asOwner(
      database(),
      `create table contacts (a int primary key, b int, flag boolean);
       insert into contacts values (1, 2, true), (3, 4, null);
       create function everybody() returns setof contacts language sql stable begin atomic select * from contacts; end;
       create view flagged as select c.x, c.z from contacts c(x, y, z);
       create view everyone as select * from everybody() with ordinality;`,
    )
    await expectRoundTrip(database(), {
      ...{ name: 'flag', columns: { contacts: ['flag'] }, functions: ['everybody'], views: ['flagged', 'everyone'] },
    })
    expect(await database().query('select * from everyone where flag')).toMatchObject([{ a: 1, b: 2, flag: true }])
  })

  test('that name columns by place, of a partition with another order of its own, are refused', async () => {
    await asOwner(
      database(),
      `create table host (id int primary key, note text, rank int) partition by list (id);
       create table part (id int not null, rank int, note text);
       alter table host attach partition part default;
       create view v as select h.b from part h(a, b, c);`,
    )
    const feature = { name: 'f', columns: { host: ['note', 'rank'] }, views: ['v'] }
    await expect(planRemoval(database().db, feature)).rejects.toMatchObject({
      code: 'not_restorable',
      detail: expect.stringContaining('view v names columns of part by their place') as unknown,
    })
  })

  test('that name columns of another table by place, which is spelled alike, are restored', async () => {
    await asOwner(
      database(),
      `create table "Orders" (id int primary key, note text, kept text);
       create table orders (id int, kept text);
       create view v as select o.a, h.note from orders o(a, b), "Orders" h;`,
    )
    await expectRoundTrip(database(), { name: 'f', columns: { Orders: ['note'] }, views: ['v'] })
  })

  test('that name columns by place, however the last columns are declared', async () => {
    await asOwner(
      database(),
      `create table host (id int primary key, note text, rank int, code text, g int generated always as (id + 1) stored);
       insert into host values (1, 'n', 2, 'c');
       create view v as select h.b, h.c, h.d from host h(a, b, c, d, e);`,
    )
    const feature = { name: 'f', columns: { host: ['g', 'code', 'note', 'rank'] }, views: ['v'] }
    await expectRoundTrip(database(), { ...feature, acknowledge: { rewrites: { host: ['g'] } } })
    expect(await database().query('select * from v')).toEqual([{ b: 'n', c: 2, d: 'c' }])
  })
})
