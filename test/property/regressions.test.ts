import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../support/round-trip.ts'

/** What the property tests found, each as small as it shrank to. */
describe('found by random schemas', () => {
  const database = useDatabase()

  test('a suggestion names functions with parentheses and outer blanks so that they are found', async () => {
    await asOwner(
      database(),
      `create table t (id int primary key, a int);
       create function "paren(s)"() returns bigint language sql begin atomic; select count(*) from t where a is not null; end;
       create function "trailing "(r int) returns bigint language sql begin atomic; select count(*) from t where a = r; end`,
    )
    const feature = { name: 'f', columns: { t: ['a'] } }
    const { suggestion } = await expectRefusal(database(), feature)
    const { functions = [] } = suggestion ?? {}
    expect([...functions].sort()).toEqual(['"paren(s)"()', '"trailing "(integer)'])
    await expectRoundTrip(database(), { ...feature, functions: ['"paren(s)"()', '"trailing "(int)'] })
  })

  test('a suggestion names functions of types with commas and parentheses so that they are found', async () => {
    await asOwner(
      database(),
      `create table t (id int primary key, a int);
       create table "comma, paren)" (id int primary key);
       create function f(r "comma, paren)", n numeric(10, 2)) returns int language sql immutable as 'select 1'`,
    )
    const feature = { name: 'f', tables: ['comma, paren)'] }
    const { suggestion } = await expectRefusal(database(), feature)
    expect(suggestion).toEqual({ functions: ['f(public."comma, paren)", numeric)'] })
    await removeFeature(database().db, { ...feature, ...suggestion })
    await restoreFeature(database().db, feature)
    expect(await database().query(`select f(null, 1.5) as one`)).toEqual([{ one: 1 }])
  })

  test('statistics name the columns that they did, in the order that the table has them in now', async () => {
    await asOwner(
      database(),
      `create table t (id int primary key, a int, kept int, b int);
       create statistics s on a, kept, (b + 1) from t; create statistics r (mcv) on kept, a from t`,
    )
    await expectRoundTrip(database(), { name: 'f', columns: { t: ['a'] } })
  })

  test('a foreign key of a kept table under FORCE ROW LEVEL SECURITY is refused, for it could not be validated', async () => {
    await asOwner(
      database(),
      `create table parent (id int primary key);
       create table kept (id int primary key, parent_id int references parent);
       alter table kept enable row level security; alter table kept force row level security`,
    )
    const feature = { name: 'f', tables: ['parent'], constraints: { kept: ['kept_parent_id_fkey'] } }
    await refusedUnchanged(database(), 'row_security', () => removeFeature(database().db, feature))
    await asOwner(database(), 'alter table kept no force row level security')
    await expectRoundTrip(database(), feature)
  })

  test('a materialized view over a table under FORCE ROW LEVEL SECURITY is refused, for it could not be filled', async () => {
    await asOwner(
      database(),
      `create table t (id int primary key, a int);
       create view v as select id from t;
       create materialized view m as select * from v;
       alter table t enable row level security; alter table t force row level security`,
    )
    const feature = { name: 'f', tables: ['t'], views: ['v', 'm'] }
    await refusedUnchanged(database(), 'not_restorable', () => removeFeature(database().db, feature))
    await asOwner(database(), 'alter table t no force row level security')
    await expectRoundTrip(database(), feature)
  })

  test('a NOT NULL column of a row type may hold rows of nothing but NULL', async () => {
    await asOwner(
      database(),
      `create type pair as (x int, y text);
       create table t (id int primary key, a pair not null);
       insert into t values (1, (1, 'x')), (2, (1, null)), (3, (null, null))`,
    )
    await expectRoundTrip(database(), {
      name: 'f',
      columns: { t: ['a'] },
      fill: { t: { a: `row(null, null)::public.pair` } },
    })
  })
})
