import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, type Suggestion } from 'kysely-unship'
import { merged } from '../../src/feature/extended.ts'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'

describe('a refusal tells everything at once', () => {
  const database = useDatabase()

  test('what would be refused with what it suggests', async () => {
    await database().query(`set role crm_owner;
      create table t (id int primary key, a int, b int generated always as (a * 2) stored, c int not null);
      create view v as select a from t;
      create view w as select * from v;
      create view named as select x, y from ((select a, b from t) s cross join (select 1 as one) o) j(x, y)`)
    const declaration = { name: 'a', columns: { t: ['a', 'c'] } }
    const plan = (more: Suggestion = {}) =>
      planRemoval(database().db, defineFeature()(merged<typeof declaration>(declaration, more)))
    const error = await refusedUnchanged(database(), 'undeclared_dependents', () => plan())
    expect(error.suggestion).toEqual({
      columns: { t: ['b'] },
      views: expect.arrayContaining(['v', 'w', 'named']) as [],
    })
    expect(error.detail).toContain('t.b: a stored generated column rewrites the table.')
    expect(error.detail).toContain('Column t.c is NOT NULL and has no default.')
    expect(error.hint).toContain('"rewrites"')
    expect(error.hint).toContain('"fill"')
    // no second round of names
    const next = await refusal('fill_value_missing', plan(error.suggestion))
    expect(next.suggestion).toEqual({ acknowledge: { rewrites: { t: ['b'] } } })
  })

  test('each name once, however it is met', async () => {
    await database().query(`set role crm_owner;
      create domain label as text;
      create table t (id int primary key, a label, b int);
      create view v as select a from t union all select null::label`)
    const error = await refusedUnchanged(database(), 'undeclared_dependents', () =>
      planRemoval(database().db, defineFeature()({ name: 'f', columns: { t: ['a'] }, types: ['label'] })),
    )
    expect(error.suggestion).toEqual({ views: ['v'] })
  })

  test('and each thing once, though it follows from what is suggested once more', async () => {
    await database().query(`set role crm_owner;
      create table t (id int, area text, a int, b int generated always as (a * 2) stored, primary key (id, area)) partition by list (area);
      create unique index t_b on t (b, area);
      create table u (id int primary key, b int, area text, constraint refers foreign key (b, area) references t (b, area))`)
    const error = await refusedUnchanged(database(), 'undeclared_dependents', () =>
      planRemoval(database().db, defineFeature()({ name: 'f', columns: { t: ['a'] } })),
    )
    expect(error.detail?.split('\n')).toEqual([
      'column b of table public.t depends on it.',
      'constraint refers on table public.u depends on it.',
      'index public.t_b depends on it.',
      'With that, feature f cannot be restored exactly, so it is not removed:',
      'index t_b of t, over a generated column, is built after the foreign key that refers to it.',
      'Besides, restoring feature f would hold a lock for as long as its tables are large:',
      't.b: a stored generated column rewrites the table.',
    ])
    expect(error.hint?.match(/"rewrites"/g)).toHaveLength(1)
  })

  test('of several kinds', async () => {
    await database().query(`set role crm_owner;
      create table t (id int primary key, a int not null, b int);
      create table u (x int, y int);
      create index t_whole on t ((t is null))`)
    const error = await refusedUnchanged(database(), 'not_restorable', () =>
      planRemoval(database().db, defineFeature()({ name: 'f', columns: { t: ['a'], u: ['x'] } })),
    )
    for (const part of [
      'index t_whole of t is over the whole row',
      'Besides',
      'table u has no key',
      'Column t.a is NOT NULL',
    ])
      expect(error.detail).toContain(part)
    expect(error.hint).toContain('"a": "<SQL expression>"')
  })

  test('spelled as the declaration spells it', async () => {
    await database().query(`set role crm_owner;
      create table t (id int primary key, a int, b int generated always as (a + 1) stored)`)
    const declaration = { name: 'f', columns: { 'public.t': ['a'] } }
    const { suggestion } = await refusedUnchanged(database(), 'undeclared_dependents', () =>
      planRemoval(database().db, defineFeature()(declaration)),
    )
    expect(suggestion).toEqual({ columns: { 'public.t': ['b'] } })
    const acknowledged = { ...declaration, acknowledge: { rewrites: { 'public.t': ['b'] } } }
    const feature = defineFeature()(merged<typeof acknowledged>(acknowledged, suggestion ?? {}))
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
  })
})
