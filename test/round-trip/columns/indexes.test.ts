import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

describe('indexes over removed columns', () => {
  const database = useDatabase()
  const setup = `
    create function folded(text) returns text language sql immutable as 'select pg_catalog.lower($1)';
    create table t (id int primary key, kept int, a int, b text, c text, d jsonb, e int[], r int4range, ts timestamptz);
    insert into t select g, g % 7, g, 'B' || g, 'c' || g, jsonb_build_object('k', g), array[g, g % 3], int4range(g, g + 1), '2024-01-01'::timestamptz + g * interval '1 hour'
      from generate_series(1, 200) g;`

  test.each([
    ['alone', { indexes: ['kept_desc', 'b_key'] }],
    ['with a table', { indexes: ['kept_desc', 'b_key'], tables: ['extra'] }],
  ])('declared, of a table that loses no column, %s', async (_, declared) => {
    const { removed } = await roundTrip(database(), {
      setup: `${setup} create table extra (id int primary key);
        create index kept_desc on t (kept desc) where kept > 1; create unique index b_key on t (b) include (c);
        comment on index b_key is 'unique';`,
      feature: { name: 'f', ...declared },
    })
    expect(
      await database().query(
        `select sql from unship.statements where sql ~ 'captured in' and run_id = ${removed.runId ?? ''}`,
      ),
    ).toEqual([])
  })

  test('unique, partial, expression, INCLUDE, every method, operator classes, collations, orders', async () => {
    await roundTrip(database(), {
      setup: `${setup}
        create unique index a_key on t (a);
        create unique index ab_key on t (a, b) include (c) where c is not null;
        create index a_desc on t (a desc nulls last, b asc nulls first) with (fillfactor = 70);
        create index b_pattern on t (b text_pattern_ops, b, b collate "C" desc);
        create index b_hash on t using hash (b) with (fillfactor = 50);
        create index b_lower on t (lower(b), (a + 1), (b || c), folded(c), (b::varchar(5)), coalesce(b, c));
        create index c_partial on t (c) where a > 3 and c <> 'it''s';
        create index d_gin on t using gin (d jsonb_path_ops) with (fastupdate = off);
        create index e_gin on t using gin (e);
        create index r_gist on t using gist (r) with (buffering = on);
        create index a_brin on t using brin (a, ts) with (pages_per_range = 2, autosummarize = on);
        create index ts_brin on t using brin (ts timestamptz_minmax_multi_ops(values_per_range = 16));
        create index v_in on t (a) where c in ('x', 'y');
        create index r_spgist on t using spgist (r);
        create index kept_idx on t (kept);
        comment on index a_key is 'unique';
        comment on index d_gin is 'jsonb';
        alter index b_lower alter column 1 set statistics 500, alter column 3 set statistics 0;
        alter table t cluster on a_desc;`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c', 'd', 'e', 'r', 'ts'] } },
      away: async () => {
        expect(
          await database().query(
            `select indexrelid::regclass::text as name from pg_index where indrelid = 't'::regclass order by 1`,
          ),
        ).toEqual([{ name: 'kept_idx' }, { name: 't_pkey' }])
      },
    })
  })

  test('over a column that was renamed after the index was built', async () => {
    await roundTrip(database(), {
      setup: `${setup}
        create index ab_idx on t (a, b, kept);
        alter table t rename a to x; alter table t rename b to a; alter table t rename x to b;`,
      feature: { name: 'f', columns: { t: ['a', 'b'] }, indexes: ['ab_idx'] },
    })
  })

  test('over a removed and a kept column: refused with all of them, and passes with the suggestion merged', async () => {
    const client = await database().connect()
    await client.query(`${setup}
      create index mixed on t (a, kept);
      create unique index mixed_unique on t (kept, lower(b));
      create index "Mixed.Partial" on t (kept) where a > 0;
      create index mixed_include on t (kept) include (c);
      alter table t add constraint mixed_constraint unique (kept, a);
      comment on index mixed is 'both';
      create index alone on t (a)`)
    const feature = { name: 'f', columns: { t: ['a', 'b', 'c', 'd', 'e', 'r', 'ts'] } }
    const error = await refusal(database(), feature)
    expect(error.code).toBe('undeclared_dependents')
    expect({ ...error.suggestion, indexes: [...error.suggestion.indexes].sort() }).toEqual({
      indexes: ['"Mixed.Partial"', 'mixed', 'mixed_include', 'mixed_unique'],
      constraints: { t: ['mixed_constraint'] },
    })
    await roundTrip(database(), { setup: '', feature: { ...feature, ...error.suggestion } })
  })

  test('an index over kept columns alone can belong to the feature too', async () => {
    await roundTrip(database(), {
      setup: `${setup} create index kept_idx on t (kept) where kept > 3; alter table t cluster on t_pkey;`,
      feature: { name: 'f', columns: { t: ['a'] }, indexes: ['kept_idx'] },
    })
  })

  test('a unique index over a constant default is refused', async () => {
    await database().query(`set role crm_owner; create table t (id int primary key, a int unique default 0)`)
    const error = await refusal(database(), { name: 'f', columns: { t: ['a'] } })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toContain('t_a_key')
  })
})
