import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../../support/round-trip.ts'

describe('types', () => {
  const database = useDatabase()

  test('of moved tables, functions and removed columns', async () => {
    await asOwner(
      database(),
      `create type mood as enum ('sad', 'ok', 'it''s');
       create type pair as (a int, b mood[]);
       create function positive(int) returns boolean language sql immutable as 'select $1 > 0';
       create domain amount as int constraint is_positive check (positive(value)) default 1;
       create domain label as text collate "C";
       create table item (id int primary key, m mood default 'ok', p pair, ms mood[], a amount not null, l label);
       create table host (id uuid primary key, m mood default 'sad', ms mood[], l label, p pair);
       create function opposite(mood) returns mood language sql as 'select $1';
       create function pairs() returns setof pair language sql as 'select null::public.pair';
       create view moods as select 'ok'::mood as m, p from item;
       comment on type mood is 'how'; comment on domain amount is 'much'; comment on constraint is_positive on domain amount is 'not none';
       comment on column pair.a is 'first';
       grant usage on type mood to crm_app with grant option; revoke usage on type amount from public;
       insert into item values (1, 'sad', (1, '{ok}'), '{ok,sad}', 2, 'l'); insert into host values (gen_random_uuid(), 'ok', null, 'x', null);`,
    )
    await expectRoundTrip(database(), {
      name: 'moods',
      tables: ['item'],
      columns: { host: ['m', 'ms', 'l', 'p'] },
      types: ['mood', 'pair', 'amount', 'label'],
      functions: ['opposite', 'pairs', 'positive'],
      views: ['moods'],
    })
  })

  test('a range type', async () => {
    await asOwner(
      database(),
      `create type span as range (subtype = float8, subtype_diff = float8mi);
       create table item (id int primary key, s span, many span_multirange);
       create index on item using gist (s);
       insert into item values (1, '[1,2)', '{[1,2),[3,4)}');`,
    )
    await expectRoundTrip(database(), { name: 'spans', tables: ['item'], types: ['span'] })
  })

  test('used by a kept column are refused', async () => {
    await asOwner(
      database(),
      `create type mood as enum ('sad'); create table item (m mood); create table kept (id int primary key, ms mood[]);
       create domain kept_mood as mood;`,
    )
    const refusal = await expectRefusal(database(), { name: 'moods', tables: ['item'], types: ['mood'] })
    expect(refusal.code).toBe('undeclared_dependents')
    expect(refusal.suggestion).toEqual({ columns: { kept: ['ms'] }, types: ['kept_mood'] })
  })

  test('leave and come back again and again, although archives of earlier times use them', async () => {
    await asOwner(
      database(),
      `create type mood as enum ('sad', 'ok');
       create table host (id uuid primary key, m mood); insert into host values (gen_random_uuid(), 'ok');
       create table item (id int primary key, host uuid references host on delete cascade, m mood);
       insert into item select 1, id, m from host;`,
    )
    const feature = { name: 'moods', tables: ['item'], columns: { host: ['m'] }, types: ['mood'] }
    await removeFeature(database().db, feature)
    await database().query('delete from host')
    await restoreFeature(database().db, feature)
    const before = await readState(database())
    for (let round = 0; round < 2; round++) {
      await removeFeature(database().db, feature)
      expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await readState(database())).toEqual(before)
    }
  })

  test('standalone sequences keep their value, options and grants', async () => {
    await asOwner(
      database(),
      `create sequence number as smallint increment -3 minvalue -3000 maxvalue 10 start 7 cache 5 cycle;
       create sequence unused; create sequence kept;
       create table item (id int default nextval('number'));
       comment on sequence number is 'n';
       grant usage on sequence number to crm_app with grant option; grant select on sequence unused to public;
       select nextval('number'); select setval('unused', 44, false);`,
    )
    await expectRoundTrip(database(), { name: 'numbers', tables: ['item'], sequences: ['number', 'unused'] })
  })
})
