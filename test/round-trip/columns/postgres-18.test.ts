import { describe, expect, inject, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner } from '../../support/round-trip.ts'
import { refusal, roundTrip } from './support.ts'

describe.runIf(inject('server').versionNum >= 180_000)('what came with PostgreSQL 18', () => {
  const database = useDatabase()

  test('named, commented NOT NULL constraints', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, a int constraint must_a not null default 1, b timestamptz constraint "must B" not null default clock_timestamp(),
          c int constraint must_c not null, d int generated always as identity, e text not null);
        comment on constraint must_a on t is 'a';
        comment on constraint "must B" on t is 'b';
        comment on constraint t_d_not_null on t is 'identity';
        alter table t rename e to "E";
        insert into t (id, c, "E") values (1, 1, 'e');`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c', 'd', 'E'] }, fill: { t: { c: '0', E: `'new'` } } },
    })
  })

  test('NOT NULL that is not valid, or not inherited', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, a int, b int constraint alone not null no inherit, c int default 7, d text,
          e int constraint "e Alone" not null no inherit default 5,
          g int generated always as (id + 1) stored constraint generated not null no inherit);
        insert into t (id, a, b, c, d) select g, nullif(g % 3, 0), g, nullif(g % 2, 0), nullif(g % 4, 0) from generate_series(1, 50) g;
        alter table t add constraint later not null a not valid, add constraint "later C" not null c not valid,
          add constraint heirless not null d no inherit not valid;
        comment on constraint later on t is 'some rows have none';`,
      feature: {
        name: 'f',
        columns: { t: ['a', 'b', 'c', 'd', 'e', 'g'] },
        fill: { t: { a: '1', b: '1', d: `'new'` } },
        acknowledge: { rewrites: { t: ['g'] } },
      },
    })
    expect(await database().query('select count(*)::int as n from t where a is null and c is null')).toEqual([{ n: 8 }])
  })

  test('options of the index of WITHOUT OVERLAPS', async () => {
    await database().query('create extension btree_gist')
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, kept int, k int, d daterange, e int4range,
          constraint u unique (k, d without overlaps) with (fillfactor = 55, buffering = off) deferrable initially deferred,
          constraint x exclude using gist (e with &&) with (fillfactor = 60) deferrable);
        comment on constraint u on t is 'theirs';
        insert into t values (1, 1, 1, '[2024-01-01,2024-02-01)', '[1,2)'), (2, 2, 1, '[2024-02-01,2024-03-01)', '[2,3)');`,
      feature: { name: 'f', columns: { t: ['k', 'd', 'e'] }, acknowledge: { rewrites: { t: ['u', 'x'] } } },
    })
  })

  test('virtual generated columns, without a rewrite', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, kept int, a int, v int generated always as (a * 2), w text generated always as (kept || 'x') virtual not null);
        comment on column t.v is 'virtual';
        insert into t select g, g, g from generate_series(1, 5) g;`,
      feature: { name: 'f', columns: { t: ['a', 'v', 'w'] } },
    })
  })

  test('constraints that are not enforced', async () => {
    await roundTrip(database(), {
      setup: `
        create table parent (id int primary key);
        create table t (id int primary key, a int constraint a_fk references parent not enforced, b int, constraint b_check check (b > 0) not enforced);
        insert into t values (1, 99, -1);`,
      feature: { name: 'f', columns: { t: ['a', 'b'] } },
    })
  })

  test('WITHOUT OVERLAPS: refused without acknowledgement, exact with it', async () => {
    const client = await database().connect()
    await client.query(`
      create table t (id int primary key, r int4range, during daterange, constraint no_overlap unique (r, during without overlaps));
      comment on constraint no_overlap on t is 'one at a time';
      insert into t select g, int4range(g, g + 1), daterange('2024-01-01', '2024-02-01') from generate_series(1, 5) g`)
    const feature = { name: 'f', columns: { t: ['r', 'during'] } }
    const error = await refusal(database(), feature)
    expect(error.suggestion).toEqual({ acknowledge: { rewrites: { t: ['no_overlap'] } } })
    await roundTrip(database(), { setup: '', feature: { ...feature, ...error.suggestion } })
  })

  test('rows whose period is not covered any more are set aside', async () => {
    await database().query('create extension btree_gist')
    await asOwner(
      database(),
      `create table price (id int, valid daterange, primary key (id, valid without overlaps));
       create table sale (id int primary key, price int, during daterange, constraint priced foreign key (price, period during) references price (id, period valid));
       insert into price values (1, '[2024-01-01,2024-06-01)'), (1, '[2024-06-01,2025-01-01)');
       insert into sale values (1, 1, '[2024-05-01,2024-07-01)'), (2, 1, '[2024-02-01,2024-03-01)'), (3, 1, null), (4, 1, '[2024-08-01,2024-09-01)')`,
    )
    const feature = { name: 'f', tables: ['sale'] }
    await removeFeature(database().db, feature)
    await asOwner(database(), `delete from price where valid @> '2024-07-01'::date`)
    const restored = await restoreFeature(database().db, feature)
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [], setAside: [{ rows: 2 }] })
    expect(await database().query('select id from sale order by id')).toEqual([{ id: 2 }, { id: 3 }])
  })
})
