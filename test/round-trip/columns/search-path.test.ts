import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

describe("expressions that rely on the caller's search_path", () => {
  const database = useDatabase()
  const setup = `
    create function fold(text) returns text language sql immutable as 'select pg_catalog.lower($1)';
    create function norm(text) returns text language sql immutable set search_path = public as 'select fold($1)';
    create function is_norm(text) returns bool language plpgsql immutable strict set search_path = public as 'begin return fold($1) = $1; end';
    create table t (id int primary key, a text, b text default 'b', c text);
    insert into t select g, 'a' || g, 'b' || g, 'c' || g from generate_series(1, 5) g;
    create index a_idx on t (norm(a));
    create index b_idx on t (b) where is_norm(b);
    alter table t add constraint c_check check (is_norm(c)), add g text generated always as (norm(a)) stored;`

  test('of indexes, checks and generated columns are refused, each by name', async () => {
    const owner = await database().connect()
    // on 17 and newer such objects can only be old ones, or of functions that changed since
    await owner.query(`${setup} alter function norm reset search_path; alter function is_norm reset search_path`)
    const error = await refusal(database(), {
      name: 'f',
      columns: { t: ['a', 'b', 'c', 'g'] },
      acknowledge: { rewrites: { t: ['g'] } },
    })
    expect(error.code).toBe('not_restorable')
    for (const name of ['index a_idx', 'index b_idx', 'check c_check', 'generated column g'])
      expect(error.detail).toContain(name)
    expect(error.detail).toContain('function fold(text) does not exist')
  })

  test('of functions that set their own are no problem', async () => {
    await roundTrip(database(), {
      setup,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c', 'g'] }, acknowledge: { rewrites: { t: ['g'] } } },
    })
  })
})
