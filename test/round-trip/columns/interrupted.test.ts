import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type RestoreReport } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'

describe('while columns are hidden', () => {
  const database = useDatabase()

  test('the application inserts, with rights on the table alone, and new rows get what they should', async () => {
    const owner = await database().connect()
    await owner.query(`
      create type mood as enum ('sad', 'glad');
      create table t (id int primary key, kept int not null default 1, i int generated always as identity, s serial, u uuid not null default gen_random_uuid(),
        m mood not null default 'sad', d int not null, e int not null, x int, constraint e_check check (e > 0), constraint x_key unique (x));
      create unique index i_key on t (i);
      create index m_idx on t (m, d);
      create function touch() returns trigger language plpgsql as 'begin new.kept := 2; return new; end';
      create trigger touch before update on t for each row execute function touch();
      grant usage on schema public to crm_app;
      grant insert, select on t to crm_app; grant usage on sequence t_s_seq to crm_app;
      insert into t (id, d, e) select g, g, g from generate_series(1, 10) g;`)
    const feature = defineFeature()({
      name: 'f',
      columns: { t: ['i', 's', 'u', 'm', 'd', 'e', 'x'] },
      types: ['mood'],
      fill: { t: { d: 'id * 10', e: '7' } },
    })
    const before = await readState(database())
    await removeFeature(database().db, feature)
    const app = await database().connect('crm_app')
    await app.query(`insert into t (id) values (11)`)

    for (const [n, stop] of (['add', 'fill', 'build', 'verify', 'reveal'] as const).entries()) {
      const controller = new AbortController()
      const restore = restoreFeature(database().db, feature, {
        signal: controller.signal,
        onProgress: (event) => {
          if (event.type === 'phase done' && event.phase === stop) controller.abort()
        },
      })
      await expect(restore).rejects.toMatchObject({ code: 'cancelled' })
      await app.query(
        stop === 'reveal' ? `insert into t (id, d, e) values (16, 160, 7)` : `insert into t (id) values ($1)`,
        stop === 'reveal' ? [] : [12 + n],
      )
      await owner.query(`update t set id = id where id = 12`)
    }
    const report: RestoreReport = await restoreFeature(database().db, feature)
    expect(report).toMatchObject({ outcome: 'restored', warnings: [] })
    const after = await readState(database())
    expect(after.definitions).toEqual(before.definitions)
    expect(after.dump).toEqual(before.dump)
    expect(
      await database()
        .query(`select count(*)::int as n, count(distinct i)::int as i, count(distinct s)::int as s, count(distinct u)::int as u,
      count(*) filter (where m = 'sad' and d = id * 10 and e = 7)::int as filled, sum(kept)::int as kept from t`),
    ).toEqual([{ n: 16, i: 16, s: 16, u: 16, filled: 6, kept: 17 }])
  })
})
