import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner } from '../../support/round-trip.ts'
import { refusal, roundTrip } from './support.ts'

describe('row keys', () => {
  const database = useDatabase()

  test('composite primary keys, of several types, under churn', async () => {
    await roundTrip(database(), {
      setup: `
        create type kind as enum ('a', 'b');
        create table t (k1 text collate "C", k2 kind, k3 numeric, k4 timestamptz, "k 5" int[], v text, w int default 0, primary key (k1, k2, k3, k4, "k 5"));
        insert into t select 'x' || g, 'a', g + 0.50, '2024-01-01', array[g], 'v' || g, g from generate_series(1, 20) g;`,
      feature: { name: 'f', columns: { t: ['v', 'w'] } },
      meanwhile: `
        delete from t where k3 < 3;
        insert into t values ('new', 'b', 1, '2024-01-01', '{}');`,
    })
    expect(
      await database().query(`select count(*)::int as rows, count(v)::int as values, sum(w)::int as sum from t`),
    ).toEqual([{ rows: 19, values: 18, sum: 207 }])
  })

  test('a unique index over NOT NULL columns, where there is no primary key', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (a int not null, b uuid not null default gen_random_uuid(), n int unique, v text);
        create unique index t_ab on t (b, a) include (n);
        insert into t (a, v) select g, 'v' || g from generate_series(1, 20) g;`,
      feature: { name: 'f', columns: { t: ['v'] } },
    })
  })

  test('none: nullable, partial, deferrable and expression keys do not do, nor a key that goes', async () => {
    await database().query(`
      set role crm_owner;
      create table t (a int unique, b int not null, c int not null unique deferrable, d text not null, e int not null unique, v text);
      create unique index on t (b) where b > 0;
      create unique index on t (lower(d));`)
    const error = await refusal(database(), { name: 'f', columns: { t: ['v', 'e'] }, fill: { t: { e: '0' } } })
    expect(error.code).toBe('no_usable_key')
  })

  test('none: a unique index by another collation or operator class than the columns have does not do', async () => {
    await database().query(`
      create collation anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      set role crm_owner;
      create table t (a text collate anycase not null, b text not null, c int not null, v text);
      create unique index on t (a collate "C");
      create unique index on t (b text_pattern_ops);
      create unique index t_c on t (c desc nulls last) include (b);
      insert into t values ('x', 'x', 1, 'v'), ('X', 'y', 2, 'w');`)
    await roundTrip(database(), { setup: '', feature: { name: 'f', columns: { t: ['v'] } } })
    await asOwner(database(), 'drop index t_c')
    expect((await refusal(database(), { name: 'f', columns: { t: ['v'] } })).code).toBe('no_usable_key')
  })

  test('of types whose equality is not a built-in operator', async () => {
    await database().query(`create schema "Other"; grant usage on schema "Other" to crm_owner;
      create extension citext schema "Other"; create extension ltree;`)
    await roundTrip(database(), {
      setup: `
        create table t (path ltree, name "Other".citext, n int, v text, w numeric default 0, primary key (path, n, name));
        insert into t select ('a.b' || g)::ltree, 'Name' || g, g, 'v' || g, g from generate_series(1, 30) g;
        create table u (name "Other".citext primary key, v text);
        insert into u select 'Name' || g, 'v' || g from generate_series(1, 10) g;`,
      feature: { name: 'f', columns: { t: ['v', 'w'], u: ['v'] } },
      meanwhile: `update u set name = lower(name::text)::"Other".citext; delete from t where n > 20; insert into t values ('a.c', 'new', 1)`,
    })
    expect(await database().query(`select count(v)::int as v, sum(w)::int as w from t`)).toEqual([{ v: 20, w: 210 }])
    expect(await database().query(`select count(v)::int as v from u`)).toEqual([{ v: 10 }])
  })

  test('rows inserted, deleted, updated and replaced meanwhile', async () => {
    const { restored } = await roundTrip(database(), {
      setup: `
        create table t (id bigint generated always as identity primary key, kept text, v text, n numeric not null default 0.0);
        insert into t (kept, v, n) select 'k' || g, 'v' || g, g from generate_series(1, 100) g;`,
      feature: { name: 'f', columns: { t: ['v', 'n'] } },
      meanwhile: `
        delete from t where id <= 10;
        update t set kept = 'changed' where id between 11 and 20;
        insert into t (kept) select 'new' from generate_series(1, 5);`,
    })
    expect(restored.hosts).toMatchObject([{ table: 't', restored: 90, deleted: 10 }])
    expect(
      await database()
        .query(`select count(*)::int as rows, count(*) filter (where v = 'v' || id and n = id)::int as same,
      count(*) filter (where kept = 'changed' and v = 'v' || id)::int as changed, count(*) filter (where kept = 'new' and v is null and n::text = '0.0')::int as new from t`),
    ).toEqual([{ rows: 95, same: 90, changed: 10, new: 5 }])
  })

  test('that go, where another is left', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id uuid not null default gen_random_uuid() unique, a int, b int default 7, v text,
          constraint t_key primary key (b, a) include (v));
        comment on constraint t_key on t is 'theirs';
        alter table t cluster on t_key;
        insert into t (a, b, v) select g, g % 3, 'v' || g from generate_series(1, 30) g;
        create table u (id bigint generated always as identity primary key, slug text not null unique);
        insert into u (slug) select 's' || g from generate_series(1, 30) g;
        create table r (id int primary key, u bigint references u);
        insert into r values (1, 1), (2, null)`,
      feature: { name: 'f', columns: { t: ['b'], u: ['id'] }, constraints: { t: ['t_key'], r: ['r_u_fkey'] } },
      meanwhile: `
        insert into t (a) values (1000), (1001);
        insert into u (slug) values ('new');
        delete from t where a = 1`,
    })
    expect(await database().query(`select id::int, slug from u where slug in ('s30', 'new') order by id`)).toEqual([
      { id: 30, slug: 's30' },
      { id: 31, slug: 'new' },
    ])
  })
})
