import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

describe('columns of types that belong to the feature', () => {
  const database = useDatabase()

  test('enums, with and without default, arrays, in checks and indexes, and free domains', async () => {
    await roundTrip(database(), {
      setup: `
        create type mood as enum ('sad', 'it''s ok', 'Glad');
        comment on type mood is 'how one feels';
        revoke usage on type mood from public;
        grant usage on type mood to crm_app;
        create domain note as text;
        comment on domain note is 'any text';
        create type pair as (a int, b text);
        create table t (id int primary key, m mood not null default 'sad', ms mood[] default '{sad,Glad}', n note, p pair, d note not null default 'none',
          constraint m_check check (m <> 'sad' or n is null));
        create index m_idx on t (m) where m <> 'Glad';
        insert into t select g, case g % 3 when 0 then 'Glad' else 'sad' end::mood, case g when 5 then null else '{sad,Glad}' end::mood[],
          case g % 3 when 0 then 'n' || g end, case g when 4 then row(g, 'x')::pair end from generate_series(1, 20) g;`,
      feature: { name: 'f', columns: { t: ['m', 'ms', 'n', 'p', 'd'] }, types: ['mood', 'note', 'pair'] },
      away: async () => {
        expect(await database().query(`select typname from pg_type where typname in ('mood', 'note', 'pair')`)).toEqual(
          [],
        )
      },
    })
  })

  const domains = `
    create domain positive as int check (value > 0);
    create domain code as text not null default 'none' constraint short check (length(value) < 9);
    create domain strict as text not null;
    create table t (id int primary key, p positive, q positive default 1, c code, s strict not null default 's');
    insert into t select g, g, 2, 'c' || g, 's' || g from generate_series(1, 5) g;
    update t set p = null where id = 3;`
  const feature = { name: 'f', columns: { t: ['p', 'q', 'c', 's'] }, types: ['positive', 'code', 'strict'] }

  test('constrained domains are refused without acknowledgement, and pass with it', async () => {
    await database().query(`set role crm_owner; ${domains}; drop table if exists none`)
    const error = await refusal(database(), feature)
    expect(error.code).toBe('rewrite_not_acknowledged')
    expect(error.suggestion).toEqual({ acknowledge: { rewrites: { t: ['p', 'q', 'c', 's'] } } })
    await roundTrip(database(), { setup: '', feature: { ...feature, ...error.suggestion } })
  })

  test('a domain that takes no NULL, without a default, is refused', async () => {
    await database().query(`
      set role crm_owner;
      create domain strict as text not null;
      create domain there as text check (value is not null);
      create table t (id int primary key, a strict, b there not null, c there default 'c');`)
    const columns = { t: ['a', 'b', 'c'] }
    const error = await refusal(database(), {
      name: 'f',
      columns,
      fill: { t: { b: `'b'` } },
      acknowledge: { rewrites: columns },
    })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toMatch(/t\.a has no default, and its domain takes no NULL[^]*t\.b has no default/)
    expect(error.detail).not.toContain('t.c')
  })

  test('rows inserted meanwhile get the default of a domain', async () => {
    await roundTrip(database(), {
      setup: domains,
      feature: { ...feature, acknowledge: { rewrites: { t: ['p', 'q', 'c', 's'] } } },
      meanwhile: `insert into t (id) values (6)`,
    })
    expect(await database().query(`select * from t where id in (3, 6) order by id`)).toEqual([
      { id: 3, p: null, q: 2, c: 'c3', s: 's3' },
      { id: 6, p: null, q: 1, c: 'none', s: 's' },
    ])
  })
})
