import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

describe('columns and the rest of their feature', () => {
  const database = useDatabase()

  test('functions of the feature in defaults, checks, indexes and generated columns', async () => {
    await roundTrip(database(), {
      setup: `
        create function f_next() returns int language sql volatile as 'select 7';
        create function f_low(text) returns text language sql immutable as 'select pg_catalog.lower($1)';
        create table t (id int primary key, a int not null default f_next(), b text check (f_low(b) = b), g text generated always as (f_low('X')) stored);
        create index b_idx on t (f_low(b));
        insert into t (id, b) select g, 'b' || g from generate_series(1, 5) g;`,
      feature: {
        name: 'f',
        columns: { t: ['a', 'b', 'g'] },
        functions: ['f_next', 'f_low'],
        acknowledge: { rewrites: { t: ['g'] } },
      },
    })
  })

  test('columns that need a table of the feature before it is back are refused', async () => {
    await database().query(`
      set role crm_owner;
      create table ft (id int primary key);
      create table t (id int primary key, a regclass default 'ft', b ft, c ft[], d oid);
      create index d_idx on t (d) where d <> 'ft'::regclass;`)
    const error = await refusal(database(), { name: 'f', tables: ['ft'], columns: { t: ['a', 'b', 'c', 'd'] } })
    expect(error.code).toBe('not_restorable')
    for (const what of [
      'column a of table public.t',
      'column b of table public.t',
      'column c of table public.t',
      'index public.d_idx',
    ])
      expect(error.detail).toMatch(new RegExp(`${what} needs .* of the feature, which comes back after it`))
  })

  test('a constant default that the column does not take is refused', async () => {
    await database().query(`
      set role crm_owner;
      create table t (id int primary key, a varchar(10) not null default null::varchar, b int default 1 / 0);
      insert into t values (1, 'a', 1);`)
    const error = await refusal(database(), { name: 'f', columns: { t: ['a', 'b'] } })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toMatch(/default of column t\.a is none[^]*default of column t\.b is none.*: division by zero/)
  })
})
