import { describe, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'
import { roundTrip } from '../columns/support.ts'

describe('casts of arrays and constants that print the same again', () => {
  const database = useDatabase()

  test('in the defaults of removed columns', async () => {
    const defaults = [
      `text[] default '{}'`,
      `text[] default '{}'::text[]`,
      `text[] default array['a'::text, 'b']`,
      `text[] default array['a', 'b']::varchar(3)[]`,
      `varchar(5)[] default array['a', 'b']`,
      `text default array_to_string(array['a'::varchar, 'b'], ',')`,
      `bool default ('a'::varchar in ('a', 'b'))`,
      `int[] default array[1.5, 2.5]::int[]`,
      `int[] default array[array[1, 2], array[3, 4]]`,
      `numeric(10, 2) default -1.5`,
      `numeric default (-1)::numeric(10, 2)`,
      `jsonb default '{"a": [1]}'`,
      `interval default '1 day'::interval(0)`,
      `timestamptz default now() - interval '1 hour'`,
      `text default (CURRENT_USER || '(ARRAY[1])::text[]')`,
      `char(3) default 'a'`,
      `text collate "C" default (('a' || 'b') collate "C")`,
      `int default (case when random() > 2 then 1 else 2 end)`,
      `bool default (now() is null or (random() > 2 and random() < 3))`,
    ]
    await roundTrip(database(), {
      setup: `create sequence s; create table t (id int primary key, kept int, z bigint default nextval('s'),
          ${defaults.map((it, i) => `c${String(i)} ${it}`).join(', ')});
        insert into t (id) values (1);`,
      feature: { name: 'f', columns: { t: ['z', ...defaults.map((_, i) => `c${String(i)}`)] } },
    })
  })

  test('in the defaults of a view’s columns and of arguments, and in statistics', async () => {
    await asOwner(
      database(),
      `create table "order" (id int primary key, kept text, a varchar, b text[]);
       create view v as select * from "order"; alter view v alter b set default array['a'::varchar], alter a set default 'x'::varchar(3);
       create function f(a text default array_to_string(array['a'::varchar, 'b'], ','), b text[] default array['a'::varchar], c text[] default '{}')
         returns text language plpgsql as 'begin return a; end';
       create procedure p(a int[] default array[1.5]::int[]) language sql as 'select 1';
       create statistics s on (a in ('a', 'b')), (lower(kept)) from "order"; create statistics r (mcv) on (a || 'x'), (kept || a) from "order";`,
    )
    await expectRoundTrip(database(), {
      ...{ name: 'f', columns: { order: ['a', 'b'] }, views: ['v'], functions: ['f', 'p'], statistics: ['s', 'r'] },
    })
  })
})
