import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { roundTrip } from './support.ts'

describe('three cycles in a row', () => {
  const database = useDatabase()

  test('end where they began, and each backup is kept and recorded', async () => {
    const feature = {
      name: 'f',
      columns: { t: ['m', 'n', 'a', 's', 'g', 'u'] },
      types: ['mood', 'code'],
      acknowledge: { rewrites: { t: ['g', 'n'] } },
    }
    const setup = `
      create type mood as enum ('sad', 'glad');
      create domain code as text check (value <> '');
      create table t (id int primary key, kept int, m mood default 'sad', n code, a int generated always as identity, s serial,
        g int generated always as (kept + 1) stored, u uuid not null default gen_random_uuid(), constraint m_check check (m in ('sad', 'glad')));
      create index m_idx on t (m, n);
      create trigger touch before update on t for each row execute function suppress_redundant_updates_trigger();
      comment on column t.m is 'mood';
      grant select (m, u) on t to crm_app;
      insert into t (id, kept, m, n) select g, g, 'glad', 'c' || g from generate_series(1, 10) g;`
    const archives: string[] = []
    for (const cycle of [setup, '', '']) {
      const { restored } = await roundTrip(database(), { setup: cycle, feature })
      archives.push(...restored.retired.map((r) => r.became))
    }
    expect(new Set(archives).size).toBe(3)
    const found = await database().query<{ name: string; comment: string }>(
      `select relname as name, obj_description(oid, 'pg_class') as comment from pg_class where relname ~ '^archive_' and relkind = 'r' order by 1`,
    )
    expect(found.map((f) => f.name)).toEqual(archives.sort())
    for (const { comment, name } of found) {
      expect(comment).toMatch(/^Backup of t for feature f, restored .* UTC by kysely-unship \(run \d+\)$/)
      expect(await database().query(`select count(*)::int as rows from ${name}`)).toEqual([{ rows: 10 }])
    }
    const [events] = await database().query(
      `select count(*)::int as retired from unship.events where event = 'restored' and detail ? 'retired'`,
    )
    expect(events).toEqual({ retired: 3 })
  })
})
