import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

const NEXT = `
  create table counter (n int primary key); insert into counter values (5);
  create function next_n() returns int language plpgsql as
    'begin update public.counter set n = n + 1; return (select n from public.counter); end';`

describe('what a removed column needs before the reveal', () => {
  const database = useDatabase()
  const as = (sql: string) => database().query(`set role crm_owner; ${sql}`)

  test('calls no function whose text uses a table of the feature', async () => {
    await as(`${NEXT} create table t (id int primary key, number int default next_n()); insert into t values (1);`)
    const error = await refusal(database(), {
      name: 'f',
      columns: { t: ['number'] },
      tables: ['counter'],
      functions: ['next_n'],
    })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toMatch(/column number of table .* function public\.next_n\(\), whose text names counter of/)
    expect(error.hint).toContain('Change the function so that its text does not name them')
  })

  test('nor one that calls such a function', async () => {
    await as(`${NEXT}
      create function a_number() returns int language plpgsql as 'begin return public.next_n(); end';
      create table t (id int primary key, number int default a_number()); insert into t values (1);`)
    const error = await refusal(database(), { name: 'f', columns: { t: ['number'] }, tables: ['counter'] })
    expect(error.detail).toContain('calls function public.next_n(), whose text names counter')
  })

  test('nor one whose text uses a removed column', async () => {
    await as(`
      create table t (id int primary key, kept int, number int);
      create function next_n() returns int language sql as 'select coalesce(max(number), 0) + 1 from public.t';
      alter table t alter number set default next_n(); insert into t values (1);`)
    const error = await refusal(database(), { name: 'f', columns: { t: ['number'] } })
    expect(error.detail).toContain('calls function public.next_n(), whose text names t.number of the feature')
  })

  test('nor do a domain and an index', async () => {
    await as(`
      create table sizes (size int primary key); insert into sizes values (5);
      create function is_size(int) returns boolean language sql immutable as 'select exists (select from public.sizes where size = $1)';
      create domain size as int check (is_size(value));
      create table t (id int primary key, kept int, a size, b int);
      create index b_idx on t (is_size(b)); insert into t values (1, 1, 5, 5);`)
    const error = await refusal(database(), {
      name: 'f',
      columns: { t: ['a', 'b'] },
      tables: ['sizes'],
      acknowledge: { rewrites: { t: ['a'] } },
    })
    expect(error.detail).toMatch(/column a of table .* function public\.is_size\(integer\), whose text names sizes/)
    expect(error.detail).toMatch(/index public\.b_idx .* function public\.is_size\(integer\), whose text names sizes/)
  })

  test('but a function that names nothing of the feature, in a default beside one that does', async () => {
    await roundTrip(database(), {
      setup: `${NEXT}
        create table numbers (n int primary key); insert into numbers values (1);
        create function a_number() returns int language sql as 'select max(n) from public.numbers';
        create table t (id int primary key, kept int default next_n(), number int default a_number());
        create table u (id int primary key, number int);
        insert into t (id) values (1), (2);`,
      feature: { name: 'f', columns: { t: ['number'], u: ['number'] } },
      meanwhile: 'insert into t (id) values (3)',
    })
    expect(await database().query('select number from t where id = 3')).toEqual([{ number: 1 }])
  })

  test('and what a generated column or a check calls, which come at the reveal', async () => {
    await roundTrip(database(), {
      setup: `
        create table sizes (size int primary key); insert into sizes values (5);
        create function is_size(int) returns boolean language sql immutable as 'select exists (select from public.sizes where size = $1)';
        create table t (id int primary key, kept int, size int, good boolean generated always as (is_size(kept)) stored,
          check (kept < 9 or is_size(size)));
        insert into t values (1, 5, 5), (2, 10, 5);`,
      feature: {
        name: 'f',
        columns: { t: ['size', 'good'] },
        tables: ['sizes'],
        acknowledge: { rewrites: { t: ['good'] } },
      },
    })
  })
})
