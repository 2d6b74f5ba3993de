import { describe, expect, inject, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

const major = Math.floor(inject('server').versionNum / 10_000)

describe('unique and exclusion constraints over removed columns', () => {
  const database = useDatabase()

  test('unique: deferrable, INCLUDE, NULLS NOT DISTINCT, reloptions, comments', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, kept int, a int, b text, c int, d int, e uuid not null default gen_random_uuid(), s serial,
          constraint a_key unique (a) with (fillfactor = 60),
          constraint b_key unique (b, a) deferrable initially deferred,
          constraint c_key unique (c) include (d, b) deferrable,
          constraint e_key unique (e), constraint s_key unique (s));
        insert into t (id, a, b, c, d) select g, g, 'b' || g, g, g from generate_series(1, 50) g;
        insert into t (id) values (100), (101);
        comment on constraint a_key on t is 'the constraint';
        comment on index a_key is 'the index';
        alter table t cluster on b_key;
        ${major >= 15 ? `alter table t add n int, add constraint n_key unique nulls not distinct (n, e);` : 'alter table t add n int;'}`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c', 'd', 'e', 's', 'n'] } },
    })
  })

  test.runIf(major >= 15)('NULLS NOT DISTINCT over columns that are NULL in new rows is refused', async () => {
    await database().query(
      `set role crm_owner; create table t (id int primary key, a int, b int default 1, unique nulls not distinct (a, b))`,
    )
    const error = await refusal(database(), { name: 'f', columns: { t: ['a', 'b'] } })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toContain('unique index t_a_b_key')
  })

  test('exclusion: refused without acknowledgement, exact with it', async () => {
    const client = await database().connect()
    await client.query(`
      create table t (id int primary key, kept int4range, r int4range, s tstzrange, b box,
        constraint r_excl exclude using gist (r with &&) where (not isempty(r)),
        constraint s_excl exclude using gist (s with &&, r with &&) with (fillfactor = 70) deferrable initially deferred,
        constraint mixed_excl exclude using gist (kept with &&, r with &&));
      insert into t select g, int4range(g, g + 1), int4range(g, g + 1), tstzrange('2024-01-01', '2024-01-02'), box '(1,1),(0,0)' from generate_series(1, 20) g;
      comment on constraint r_excl on t is 'no overlap';
      comment on index r_excl is 'its index';
      alter table t cluster on s_excl`)
    const feature = { name: 'f', columns: { t: ['r', 's', 'b'] } }
    const first = await refusal(database(), feature)
    expect(first.code).toBe('undeclared_dependents')
    expect(first.suggestion).toEqual({ constraints: { t: ['mixed_excl'] } })
    const second = await refusal(database(), { ...feature, ...first.suggestion })
    expect(second.code).toBe('rewrite_not_acknowledged')
    expect(second.suggestion).toEqual({ acknowledge: { rewrites: { t: ['mixed_excl', 'r_excl', 's_excl'] } } })
    await roundTrip(database(), { setup: '', feature: { ...feature, ...first.suggestion, ...second.suggestion } })
  })

  test.each([
    ['in its condition', 'exclude using gist (r with &&) where (a > 0)', ['a', 'r'], { t: ['x'] }],
    ['in its condition, undeclared', 'exclude using gist (r with &&) where (a > 0)', ['a', 'r'], {}],
    [
      'in an expression',
      `exclude using gist (r with &&, int4range(a, b, '[]') with &&)`,
      ['a', 'b', 'r'],
      { t: ['x'] },
    ],
    ['in a condition and a function', 'exclude using gist (r with &&) where (f(a))', ['a', 'r'], { t: ['x'] }],
  ] as const)('exclusion with other removed columns %s', async (_, excludes, columns, constraints) => {
    const calls = excludes.includes('f(a)')
    await roundTrip(database(), {
      setup: `${calls ? `create function f(int) returns bool language sql immutable as 'select $1 > 0';` : ''}
        create table t (id int primary key, a int, b int, r int4range, constraint x ${excludes});
        insert into t select g, g, g, int4range(g, g + 1) from generate_series(1, 20) g`,
      feature: {
        name: 'f',
        columns: { t: columns },
        constraints,
        ...(calls && { functions: ['f'] }),
        acknowledge: { rewrites: { t: ['x'] } },
      },
    })
  })

  test.each([
    [`r int4range default '[1,2)'`, 'r with &&'],
    [`r int4range default '[1,2)', a int default 3`, 'r with =) where (a > 2'],
    [`a int default 1, b int default 5`, 'int4range(a, b) with &&'],
    [`r int4range default '[1,2)'`, `r with &&) where (kept`],
  ])('exclusion that rows with the defaults could not satisfy is refused: %s, %s', async (columns, excludes) => {
    await database().query(
      `set role crm_owner;
       create table t (id int primary key, kept bool, ${columns}, constraint x exclude using gist (${excludes}))`,
    )
    const error = await refusal(database(), {
      name: 'f',
      columns: { t: [...columns.matchAll(/\b([abr]) int/g)].map(([, name = '']) => name) },
      constraints: { t: ['x'] },
      acknowledge: { rewrites: { t: ['x'] } },
    })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toBe(
      'rows inserted meanwhile could not satisfy exclusion constraint x: they all get the same default.',
    )
  })

  test('a unique index that stays, and lets one row in, keeps no column from going', async () => {
    await roundTrip(database(), {
      setup:
        'create table t (id int primary key, a int default 1); create unique index one on t ((true)); insert into t values (1)',
      feature: { name: 'f', columns: { t: ['a'] } },
    })
  })

  test.each([
    ['an empty range', `r int4range default 'empty'`, 'r with &&', ['r']],
    ['NULL', 'r int4range', 'r with &&', ['r']],
    ['another operator', `r int4range default '[1,2)'`, 'r with -|-', ['r']],
    [
      'a condition that they do not meet',
      `r int4range default '[1,2)', a int default 3`,
      'r with &&) where (a > 3',
      ['a', 'r'],
    ],
    ['a column that stays', `b int4range, r int4range default '[1,2)'`, 'r with &&, b with &&', ['r']],
  ])('exclusion that they may satisfy goes and comes back: %s', async (_, columns, excludes, removed) => {
    await roundTrip(database(), {
      setup: `create table t (id int primary key, ${columns}, constraint x exclude using gist (${excludes}))`,
      feature: {
        ...{ name: 'f', columns: { t: removed } },
        constraints: { t: ['x'] },
        acknowledge: { rewrites: { t: ['x'] } },
      },
      meanwhile: `insert into t values (1), (2)`,
    })
  })
})
