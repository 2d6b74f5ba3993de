import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'

describe('in a transaction of the caller', () => {
  const database = useDatabase()

  test('columns of every sort leave and come back', async () => {
    const owner = await database().connect()
    await owner.query(`
      create type mood as enum ('sad', 'glad');
      create domain code as text not null default 'none' check (value <> '');
      create table t (id int primary key, kept int not null default 1, i int generated always as identity, s serial, u uuid not null default gen_random_uuid(),
        m mood not null default 'sad', d int not null, c code, g int generated always as (kept * 2) stored, r int4range, x int,
        constraint d_check check (d > 0), constraint x_key unique (x) deferrable, constraint r_excl exclude using gist (r with &&));
      create unique index i_key on t (i);
      create index m_idx on t (m, lower(c)) include (d) where d > 3;
      create index g_idx on t (g, x);
      create statistics st on d, kept from t;
      create function touch() returns trigger language plpgsql as 'begin raise exception ''fired''; end';
      create trigger touch before update on t for each row execute function touch();
      create constraint trigger touched after update on t deferrable initially deferred for each row execute function touch();
      grant select (m, g) on t to crm_app;
      comment on column t.c is 'code';
      alter table t cluster on x_key;
      insert into t (id, d, r, x) select g, g, int4range(g, g + 1), g from generate_series(1, 10) g;`)
    const columns = { t: ['i', 's', 'u', 'm', 'd', 'c', 'g', 'r', 'x'] }
    const feature = defineFeature()({
      name: 'f',
      columns,
      types: ['mood', 'code'],
      fill: { t: { d: 'id' } },
      acknowledge: { rewrites: { t: ['c', 'g', 'r_excl'] } },
    })
    const before = await readState(database())
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await removeFeature(trx, feature)
      })
    expect((await readState(database())).definitions).not.toHaveProperty(['column public.t.m'])
    await database()
      .db.transaction()
      .execute(async (trx) => {
        expect(await restoreFeature(trx, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
      })
    expect(await readState(database())).toEqual(before)

    await database()
      .db.transaction()
      .execute(async (trx) => {
        await removeFeature(trx, feature)
        await restoreFeature(trx, feature)
      })
    expect(await readState(database())).toEqual(before)
  })
})
