import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner } from '../../support/round-trip.ts'
import { roundTrip } from './support.ts'

/** A time whose date is another one in UTC, where texts are captured and replayed. */
const LATE = `'2024-01-01 22:00-05'::timestamptz + n * interval '1 millisecond'`
const DAY = `create function day(timestamptz) returns date immutable language sql as 'select $1::date'`

describe('expressions of the application that depend on settings of the database', () => {
  const database = useDatabase()
  const feature = (column: string) => ({ name: 'f', columns: { t: [column] } })

  async function inNewYork() {
    await database().query(`alter database ${database().name} set timezone = 'America/New_York'`)
    return `set timezone = 'America/New_York';`
  }

  /** As the application finds them, by an index. */
  const ofThatDay = () =>
    database().query(
      `select set_config('timezone', 'America/New_York', false), set_config('enable_seqscan', 'off', false);
       select count(*)::int as n from t where day(at) = '2024-01-01'`,
    )

  test.each([
    ['a check that stays', 'note'],
    ['a check that goes', 'day'],
  ])('%s', async (_, column) => {
    await roundTrip(database(), {
      setup: `${await inNewYork()}
        create table t (id int primary key, at timestamptz, day date, note text, check (at::date = day));
        insert into t select n, ${LATE}, '2024-01-01', 'note' from generate_series(1, 20) n;`,
      feature: feature(column),
    })
  })

  test.each([
    ['that stays, of a table with a BEFORE trigger', feature('note')],
    ['that goes', { ...feature('day'), acknowledge: { rewrites: { t: ['day'] } } }],
  ])('a generated column %s, by a function that is declared immutable', async (_, declared) => {
    await roundTrip(database(), {
      setup: `${await inNewYork()} ${DAY};
        create function touch() returns trigger language plpgsql as 'begin return new; end';
        create table t (id int primary key, at timestamptz, note text, day date generated always as (day(at)) stored);
        create trigger touch before update on t for each row execute function touch();
        insert into t (id, at, note) select n, ${LATE}, 'note' from generate_series(1, 20) n;`,
      feature: declared,
    })
  })

  test.each(['note', 'at'])('an index by a function that is declared immutable; column %s goes', async (column) => {
    await roundTrip(database(), {
      setup: `${await inNewYork()} ${DAY};
        create table t (id int primary key, at timestamptz, note text);
        create index by_day on t (day(at)); create index by_note on t (note);
        insert into t select n, ${LATE}, repeat('note', 100) from generate_series(1, 5000) n;`,
      feature: { ...feature(column), indexes: ['by_day'].filter(() => column === 'at') },
    })
    expect(await ofThatDay()).toEqual([{ n: 5000 }])
  })

  test('a check by DateStyle', async () => {
    await database().query(`alter database ${database().name} set datestyle = 'ISO, DMY'`)
    await roundTrip(database(), {
      setup: `set datestyle = 'ISO, DMY'; create table t (id int primary key, day text check (day::date > '2020-01-01'), note text);
        insert into t values (1, '31.12.2024', 'n');`,
      feature: feature('note'),
    })
  })

  test('a materialized view by TimeZone, DateStyle and IntervalStyle', async () => {
    const { name } = database()
    await database().query(
      `alter database ${name} set datestyle = 'German'; alter database ${name} set intervalstyle = 'iso_8601'`,
    )
    await roundTrip(database(), {
      setup: `${await inNewYork()} set datestyle = 'German'; set intervalstyle = 'iso_8601';
        create table t (id int primary key, at timestamptz, took interval); insert into t select n, ${LATE}, '1 day' from generate_series(1, 9) n;
        create materialized view m as select at::date::text as day, took::text as took from t;`,
      feature: { name: 'f', views: ['m'] },
    })
  })

  test('what prints bytes and floats: a materialized view, a check, a generated column that stay or go', async () => {
    const { name } = database()
    await database().query(
      `alter database ${name} set bytea_output = 'escape'; alter database ${name} set extra_float_digits = 0`,
    )
    await roundTrip(database(), {
      setup: `set bytea_output = 'escape'; set extra_float_digits = 0;
        create function touch() returns trigger language plpgsql as 'begin return new; end';
        create function printed(float8) returns text language sql immutable as 'select $1::text';
        create table t (id int primary key, bytes bytea, f float8, note float8, shown text generated always as (printed(f)) stored,
          check (length(f::text) < 10), check (length(note::text) < 10));
        create trigger touch before update on t for each row execute function touch();
        insert into t values (1, 'abc', 0.1::float8 + 0.2, 0.1::float8 + 0.2);
        create materialized view m as select id, bytes::text as b, note::text as n from t;`,
      feature: { ...feature('note'), views: ['m'] },
    })
    expect(await database().query('select b, n from m')).toEqual([{ b: 'abc', n: '0.3' }])
  })

  test('a default, for rows that came meanwhile', async () => {
    await inNewYork()
    await asOwner(database(), 'create table t (id int primary key, at timestamp not null default now())')
    await removeFeature(database().db, feature('at'))
    await asOwner(database(), 'insert into t values (1)')
    await restoreFeature(database().db, feature('at'))
    expect(
      await database().query(
        `select abs(extract(epoch from at - (now() at time zone 'America/New_York'))) < 1000 as near from t`,
      ),
    ).toEqual([{ near: true }])
  })
})
