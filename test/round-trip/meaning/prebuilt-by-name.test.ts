import { describe, expect, test } from 'vitest'
import { planRemoval, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'
import { roundTrip } from '../columns/support.ts'

/** How names are shown depends on the search_path of whoever fills a materialized view, before PostgreSQL 17: it is ours there. */
const AS_FILLED = 'set search_path = pg_catalog;'

describe('a materialized view whose query goes by names', () => {
  const database = useDatabase()

  test('holds the names of moved tables: partitions', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key) partition by range (id);
       create table item_1 partition of item for values from (0) to (10);
       create table item_2 partition of item for values from (10) to (20);
       insert into item values (1), (11); ${AS_FILLED}
       create materialized view public.m as select tableoid::regclass::text as source, id from public.item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item', 'item_1', 'item_2'], views: ['m'] })
  })

  test('holds the names of moved tables: a constant, the catalog', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key); insert into item values (1); ${AS_FILLED}
       create materialized view public.m as
         select 'public.item'::regclass::text as source, (select relname from pg_class where oid = item.tableoid) as rel, id from public.item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['m'] })
  })

  test('calls a function that stays, whose text reads a moved table', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, price int); insert into item values (1, 5), (2, 7);
       create function total() returns bigint language sql stable as 'select sum(price) from public.item';
       create materialized view m as select id, total() as total from item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['m'] })
  })

  test('calls a function of the feature that is moved, whose text reads a moved table', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, price int); insert into item values (1, 5), (2, 7);
       create function total() returns bigint language sql stable as 'select sum(price) from public.item';
       create table line (id int primary key, n bigint default total());
       create materialized view m as select id, total() as total from item;`,
    )
    await expectRoundTrip(database(), {
      name: 'items',
      tables: ['item', 'line'],
      views: ['m'],
      functions: ['total'],
    })
  })

  test('calls a function that stays, whose text reads a removed column', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, kept int, price int); insert into t values (1, 1, 5), (2, 2, 7);
        create function price_of(int) returns int language sql stable as 'select price from public.t where id = $1';
        create materialized view m as select id, price_of(id) as p from t where price > 0;`,
      feature: { name: 'f', columns: { t: ['price'] }, views: ['m'] },
    })
    expect(await database().query('select * from m order by id')).toHaveLength(2)
  })

  test('joins by the name of a removed column', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, kept int, size int); create table s (size int, w int);
        insert into t values (1, 1, 5); insert into s values (5, 6);
        create materialized view m as select t.id, size, s.w from t join s using (size);`,
      feature: { name: 'f', columns: { t: ['size'] }, views: ['m'] },
    })
  })
  test('takes whole rows of a table with removed columns', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, kept int, size int); insert into t values (1, 1, 5);
        create materialized view m as select to_jsonb(t) as row, size from t;`,
      feature: { name: 'f', columns: { t: ['size'] }, views: ['m'] },
    })
  })

  test('shows a stored identifier as a name', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, ref regclass); insert into item values (1, 'item'); ${AS_FILLED}
       create materialized view public.m as select ref::text as source, id from public.item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['m'] })
  })

  test('has a query in a string', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, doc tsvector); insert into item values (1, 'a b');
       create materialized view m as select word from ts_stat('select doc from public.item'), item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['m'] })
  })

  test('reads names through a view and a parsed function that stay', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key); insert into item values (1);
       create view relation as select oid, relname from pg_class;
       create function name_of(oid) returns text language sql stable begin atomic select relname from relation where oid = $1; end;
       create materialized view m as select name_of(tableoid) as source, id from item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['m'] })
  })

  test('calls a function that calls another one, whose text reads a moved table', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, price int); insert into item values (1, 5), (2, 7);
       create function total() returns bigint language sql stable as 'select sum(price) from public.item';
       create function twice() returns bigint language plpgsql stable as 'begin return 2 * public.total(); end';
       create materialized view m as select id, twice() as twice from item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['m'] })
  })
})

describe('a materialized view that goes by no name', () => {
  const database = useDatabase()
  const builtEarly = async (feature: FeatureDeclaration) => {
    const { restore } = await planRemoval(database().db, feature)
    return restore.filter((s) => s.action === 'materialized view').map((s) => s.phase)
  }

  test('is filled before the reveal, though it calls a function with a string for its body', async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, name text); insert into item values (1, 'Bread');
       create function plain(text) returns text language plpgsql immutable as 'begin return lower(trim($1)); end';
       create materialized view m as
         select plain(name) as name, to_tsvector('english', name) as words, 'pg_class, tableoid' as note from item;`,
    )
    const feature = { name: 'items', tables: ['item'], views: ['m'] }
    expect(await builtEarly(feature)).toEqual(['build'])
    await expectRoundTrip(database(), feature)
  })

  test('and though it joins by the name of a column that stays', async () => {
    await asOwner(
      database(),
      `create table t (id int primary key, kept int, size int); create table s (id int, size int, w int);
       insert into t values (1, 1, 5); insert into s values (1, 5, 6);
       create materialized view m as select id, t.size, s.w from t join s using (id);`,
    )
    const feature = { name: 'f', columns: { t: ['size'] }, views: ['m'] }
    expect(await builtEarly(feature)).toEqual(['build'])
    await expectRoundTrip(database(), feature)
  })
})
