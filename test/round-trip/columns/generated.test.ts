import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

describe('stored generated columns', () => {
  const database = useDatabase()
  const setup = `
    create table t (id int primary key, kept text not null default 'k', a int default 3, b text collate "C",
      total int generated always as (a * 2) stored not null, label text collate "C" generated always as (b || '-' || kept) stored);
    alter table t alter label set storage external, alter label set statistics 7;
    comment on column t.total is 'twice';
    grant select (total), update (a) on t to crm_app;
    insert into t select g, 'k' || g, g, 'b' || g from generate_series(4, 30) g;`
  const indexes = `
    create index both_idx on t (a, total) include (b);
    create index total_idx on t (total desc); create index partial_idx on t (total) where a > 3;
    create unique index label_key on t (label);
    alter table t add constraint total_key unique (total), add constraint total_check check (total > a);
    create index expr_idx on t ((total + a));
    alter index expr_idx alter column 1 set statistics 33;
    comment on index expr_idx is 'over both';
    alter table t cluster on total_idx;
    create statistics s on a, total from t;`
  const feature = { name: 'f', columns: { t: ['a', 'b', 'total', 'label'] } }

  test('are refused without acknowledgement, and pass with the suggestion merged', async () => {
    await database().query(`set role crm_owner; ${setup}`)
    const error = await refusal(database(), feature)
    expect(error.code).toBe('rewrite_not_acknowledged')
    expect(error.suggestion).toEqual({ acknowledge: { rewrites: { t: ['total', 'label'] } } })
    await roundTrip(database(), { setup: '', feature: { ...feature, ...error.suggestion } })
  })

  test('with indexes, unique constraints, checks, statistics and the CLUSTER mark over them', async () => {
    await roundTrip(database(), {
      setup: setup + indexes,
      feature: { ...feature, acknowledge: { rewrites: { t: ['total', 'label'] } } },
      meanwhile: `insert into t (id) values (31)`,
    })
    expect(await database().query(`select a, total, label from t where id in (4, 31) order by id`)).toEqual([
      { a: 4, total: 8, label: 'b4-k4' },
      { a: 3, total: 6, label: null },
    ])
  })

  test('alone, computed from columns that stay', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, n int, g int generated always as (n + 1) stored, h int generated always as (n * n) stored);
        create index g_idx on t (g desc);
        insert into t select g, g from generate_series(1, 10) g;`,
      feature: { name: 'f', columns: { t: ['g'] }, acknowledge: { rewrites: { t: ['g'] } } },
      meanwhile: `insert into t values (11, 11)`,
    })
    expect(await database().query(`select g from t where id = 11`)).toEqual([{ g: 12 }])
  })

  test('alone, with a declared index over columns that stay', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, n int, g int generated always as (n + 1) stored);
        create index n_idx on t (n desc); insert into t select g, g from generate_series(1, 10) g;`,
      feature: { name: 'f', columns: { t: ['g'] }, indexes: ['n_idx'], acknowledge: { rewrites: { t: ['g'] } } },
    })
  })
})
