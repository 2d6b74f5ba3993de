import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { refusal, roundTrip } from './support.ts'

describe('NOT NULL columns without a default', () => {
  const database = useDatabase()
  const columns = { t: ['n', 'since', 'code'] }
  const setup = `
    create table t (id int primary key, created_at timestamptz not null default '2024-01-01', n int not null, since timestamptz not null, code varchar(8) not null);
    insert into t select g, timestamptz '2024-01-01' + g * interval '1 day', g, '2020-01-01', 'c' || g from generate_series(1, 5) g;`

  test('are refused without a declared fill, all in one error', async () => {
    await database().query(`set role crm_owner; ${setup}`)
    const error = await refusal(database(), { name: 'f', columns })
    expect(error.code).toBe('fill_value_missing')
    expect(error.detail).toBe(
      ['n', 'since', 'code'].map((c) => `Column t.${c} is NOT NULL and has no default.`).join('\n'),
    )
  })

  test('with a fill that is no expression over the rest of the row are refused', async () => {
    await database().query(`set role crm_owner; ${setup}`)
    const fill = { t: { n: 'code', since: 'created_at', code: 'nonsense(' } }
    const error = await refusal(database(), { name: 'f', columns, fill })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toMatch(/fill of column t\.n .*: column "code" does not exist/)
    expect(error.detail).toMatch(/fill of column t\.code .*: syntax error/)
    expect(error.detail).not.toContain('t.since')
  })

  test('come back, and rows inserted meanwhile get the fill, which may speak of the row', async () => {
    await roundTrip(database(), {
      setup,
      feature: { name: 'f', columns, fill: { t: { n: '-1', since: 'created_at', code: `'new' || id` } } },
      meanwhile: `insert into t (id) values (6); delete from t where id = 2; update t set created_at = '2023-01-01' where id = 3`,
    })
    const rows = await database().query(
      `select id, n, to_char(since at time zone 'UTC', 'YYYY-MM-DD') as since, code from t order by id`,
    )
    expect(rows).toEqual([
      ...[1, 3, 4, 5].map((id) => ({ id, n: id, since: '2020-01-01', code: `c${String(id)}` })),
      { id: 6, n: -1, since: '2024-01-01', code: 'new6' },
    ])
    expect(
      await database()
        .query(`insert into t (id) values (7)`)
        .catch((error: unknown) => error),
    ).toMatchObject({
      code: '23502',
    })
  })

  test('with a default: the default, NULL and NOT NULL stay what they were', async () => {
    await roundTrip(database(), {
      setup: `
        create table t (id int primary key, a int not null default 0, b int default 0, c int, d timestamptz not null default now());
        insert into t values (1, 1, null, null, 'infinity'), (2, 0, 0, 0, '-infinity'), (3, 5, 5, 5, '0044-03-15 BC');`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'c', 'd'] } },
    })
  })
})
