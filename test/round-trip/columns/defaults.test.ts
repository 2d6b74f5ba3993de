import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { roundTrip } from './support.ts'

describe('defaults of removed columns', () => {
  const database = useDatabase()

  test('constant defaults of many types come back, for rows inserted meanwhile too', async () => {
    await roundTrip(database(), {
      setup: `
        create type mood as enum ('sad', 'glad');
        create table t (id int primary key);
        alter table t
          add a_bool bool default true, add a_int int not null default -7, add a_big int8 default 9223372036854775807,
          add a_num numeric(8, 3) default 1, add a_plain_num numeric default 1.00, add a_float float8 default '-0',
          add a_nan numeric default 'NaN', add a_text text default E'back\\\\slash ''quote''\\nline', add a_empty text default '',
          add a_varchar varchar(20) default 'v', add a_char char(5) default 'c', add "a_""char""" "char" default 'x',
          add a_date date default '2024-02-03', add a_ts timestamp default '2024-02-03 04:05:06.789',
          add a_tz timestamptz default '2024-02-03 04:05:06+09', add a_inf timestamptz default 'infinity',
          add a_interval interval default '1 mon 2 days -03:00', add a_time time(2) default '01:02:03.45',
          add a_bytea bytea default '\\x00ff', add a_json json default '{"b": 1,  "a": 2}', add a_jsonb jsonb default '{}',
          add a_jsonnull jsonb default 'null', add a_array text[] default array['a', null]::text[], add a_ints int[] default '{1,2}',
          add a_empties text[] not null default '{}', add a_bit bit(3) default B'101', add a_varbit varbit default B'1',
          add a_inet inet default '10.0.0.1/8', add a_uuid uuid default '00000000-0000-0000-0000-000000000001',
          add a_point point default '(1,-0)', add a_range int4range default '[1,5)', add a_money money default 12.5,
          add a_tsv tsvector default 'a:1 b:2', add a_mood mood default 'glad', add a_moods mood[] default '{sad}',
          add a_expression text default upper('x') || 'y', add a_class regclass default 'pg_class', add a_null text default null;
        insert into t (id) select generate_series(1, 20);
        insert into t (id, a_bool, a_int, a_num, a_text, a_jsonb, a_mood) values (21, null, 3, 1.5, null, null, null);`,
      feature: {
        name: 'f',
        columns: {
          t: [
            ...[
              'a_bool',
              'a_int',
              'a_big',
              'a_num',
              'a_plain_num',
              'a_float',
              'a_nan',
              'a_text',
              'a_empty',
              'a_varchar',
            ],
            ...['a_char', 'a_"char"', 'a_date', 'a_ts', 'a_tz', 'a_inf', 'a_interval', 'a_time', 'a_bytea', 'a_json'],
            ...[
              'a_jsonb',
              'a_jsonnull',
              'a_array',
              'a_ints',
              'a_empties',
              'a_bit',
              'a_varbit',
              'a_inet',
              'a_uuid',
              'a_point',
            ],
            ...['a_range', 'a_money', 'a_tsv', 'a_mood', 'a_moods', 'a_expression', 'a_class', 'a_null'],
          ],
        },
      },
      meanwhile: `insert into t (id) values (100)`,
    })
    const [row] = await database().query(`
      select record_image_eq(
        (select row(a_bool, a_int, a_big, a_num, a_plain_num, a_float, a_nan, a_text, a_empty, a_char, a_tz, a_json, a_jsonnull, a_point, a_mood) from t where id = 1),
        (select row(a_bool, a_int, a_big, a_num, a_plain_num, a_float, a_nan, a_text, a_empty, a_char, a_tz, a_json, a_jsonnull, a_point, a_mood) from t where id = 100)
      ) as equal, (select count(*)::int from t) as rows, (select a_num::text from t where id = 21) as num, (select a_bool from t where id = 21) as bool`)
    expect(row).toEqual({ equal: true, rows: 22, num: '1.500', bool: null })
  })

  test('only rows that differ from their default are backed up', async () => {
    const { removed } = await roundTrip(database(), {
      setup: `
        create table t (id int primary key, flag bool not null default false, n numeric default 1.0, note text);
        insert into t select g, g = 3, case g when 4 then 1.00 when 5 then null else 1.0 end, case g when 6 then '' end
        from generate_series(1, 100) g;`,
      feature: { name: 'f', columns: { t: ['flag', 'n', 'note'] } },
    })
    expect(removed.backups.map((b) => b.rows)).toEqual([4])
  })

  test('defaults under another DateStyle, IntervalStyle, TimeZone and lc_monetary', async () => {
    await database().query(`
      alter database ${database().name} set datestyle = 'SQL, DMY';
      alter database ${database().name} set intervalstyle = 'sql_standard';
      alter database ${database().name} set timezone = 'Asia/Kathmandu';
      alter database ${database().name} set extra_float_digits = 0;
      alter database ${database().name} set bytea_output = 'escape';
      alter database ${database().name} set quote_all_identifiers = on`)
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, d date default '03/02/2024', ts timestamptz default '03/02/2024 12:00', i interval default '1 2:03:04',
          f float8 default 0.1, b bytea default '\\x5c00');
        insert into t (id) values (1);
        insert into t values (2, '04/05/2024', '05/06/2024', '-1', 0.30000000000000004, 'x');`,
      feature: { name: 'f', columns: { t: ['d', 'ts', 'i', 'f', 'b'] } },
    })
  })

  test('volatile and stable defaults: every row gets its own value back', async () => {
    const { removed } = await roundTrip(database(), {
      setup: `
        create function one() returns int language sql immutable as 'select 1';
        create table t (id int primary key, u uuid not null default gen_random_uuid(), c timestamptz not null default clock_timestamp(),
          n timestamptz default now(), d date not null default current_date, o int default one(), who name default current_user);
        insert into t select generate_series(1, 50);
        update t set n = null, o = 2, who = null where id = 7;`,
      feature: { name: 'f', columns: { t: ['u', 'c', 'n', 'd', 'o', 'who'] } },
    })
    expect(removed.backups.map((b) => b.rows)).toEqual([50])
  })

  test('rows inserted meanwhile get volatile defaults of their own', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, u uuid not null default gen_random_uuid(), c timestamptz not null default clock_timestamp(), n timestamptz default now());
        insert into t select generate_series(1, 5);
        update t set n = null where id = 2;`,
      feature: { name: 'f', columns: { t: ['u', 'c', 'n'] } },
      meanwhile: `insert into t select generate_series(6, 9)`,
    })
    const [row] = await database().query(`
      select count(*)::int as rows, count(distinct u)::int as u, count(c)::int as c, count(n)::int as n,
        bool_and(c > now() - interval '1 minute') as recent from t`)
    expect(row).toEqual({ rows: 9, u: 9, c: 9, n: 8, recent: true })
  })
})
