import { describe, expect, test } from 'vitest'
import { abortRemoval, removeFeature, restoreFeature, type Phase, type RunOptions } from 'kysely-unship'
import { queryAtOnce } from '../../support/at-once.ts'
import { useDatabase, type TestDatabase } from '../../support/database.ts'
import { actingBefore } from '../../support/interleave.ts'
import { readState } from '../../support/life.ts'
import { refusal } from '../../support/refusal.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'
import { ORDERS, rows } from './support.ts'

const feature = { name: 'f', columns: { orders: ['note', 'rank'] } }

/** Options under which SQL runs as crm_owner, once, before the first statement of a phase; the run stands still for it. */
function before(database: TestDatabase, phase: Phase, sql: string): RunOptions {
  let done = false
  return {
    onProgress: (event) => {
      if (done || event.type !== 'phase started' || event.phase !== phase) return
      done = true
      queryAtOnce(database.url, `set role crm_owner; ${sql}`)
    },
  }
}

const indexesOf = (database: TestDatabase) =>
  database.query(
    `select i.indexrelid::regclass::text as name, i.indisvalid as valid, pg_get_indexdef(i.indexrelid) ~ 'unship' as hidden
     from pg_index i where not i.indisprimary and i.indexrelid::regclass::text !~ '^(unship|pg_)' order by 1`,
  )

describe('partitions that come and go while the feature is away', () => {
  const database = useDatabase()

  test('new ones get columns and indexes, those that went take their rows along', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       alter table orders alter rank set default 3;
       create index orders_rank on orders (rank);
       create index orders_both on orders (lower(note), (rank + 1)) include (rank) where rank > 2;
       create unique index orders_area on orders (area, id, rank);
       create index orders_c_1_only on orders_c_1 (note);
       create function log() returns trigger language plpgsql as 'begin return null; end';
       create trigger logs after update on orders for each row execute function log();
       alter table orders enable always trigger logs;
       alter table only orders_c_1 disable trigger logs;
       ${rows(600)}`,
    )
    const owned = { ...feature, indexes: ['orders_area'] }
    await removeFeature(database().db, owned)
    const [{ gone } = { gone: 0 }] = await database().query<{ gone: number }>(
      `select count(*)::int as gone from backup_f_orders where area = 'a' or area = 'c' and id < 100`,
    )
    expect(gone).toBeGreaterThan(50)
    await asOwner(
      database(),
      `create table orders_new partition of orders for values in ('new');
       create table orders_newer partition of orders for values in ('newer') partition by range (id);
       create table orders_newer_1 partition of orders_newer for values from (0) to (1000);
       create table orders_c_0 (like orders_c_2 including all);
       alter table orders_c detach partition orders_c_1;
       alter table orders_c attach partition orders_c_0 for values from (minvalue) to (100);
       drop table orders_a;
       insert into orders (id, area, kept) select g, 'new', 'x' from generate_series(1, 50) g;
       insert into orders (id, area, kept) select g, 'newer', 'x' from generate_series(1, 50) g;`,
    )
    const restored = await restoreFeature(database().db, owned)
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(restored.hosts).toMatchObject([{ table: 'orders', deleted: gone }])
    const found = (await indexesOf(database())) as { name: string; valid: boolean; hidden: boolean }[]
    expect(found.filter((i) => !i.valid || i.hidden)).toEqual([])
    const names = found.map((i) => i.name)
    expect(names).toEqual(
      expect.arrayContaining([
        'orders_rank',
        'orders_new_rank_idx',
        'orders_newer_1_rank_idx',
        'orders_c_0_rank_idx',
        'orders_new_lower_expr_rank_idx',
        'orders_new_area_id_rank_idx',
      ]),
    )
    expect(names.filter((name) => name.includes('unship') || name.includes('c_1'))).toEqual([])
    expect(await database().query(`select distinct rank, note from orders where area like 'new%'`)).toEqual([
      { rank: 3, note: null },
    ])
    expect(
      await database().query(
        `select tgrelid::regclass::text as name from pg_trigger where tgname = 'logs' and tgenabled <> 'A'`,
      ),
    ).toEqual([])
    // the same as PostgreSQL would have made them
    await asOwner(database(), `create table orders_last partition of orders for values in ('last')`)
    const after = (await indexesOf(database())) as { name: string }[]
    const partsOf = (table: string) =>
      after.flatMap(({ name }) => (name.startsWith(table) ? [name.slice(table.length)] : []))
    expect(partsOf('orders_last')).toEqual(partsOf('orders_new_').map((rest) => `_${rest}`))
    await expectRoundTrip(database(), owned)
  })

  test('unique constraints hold in new partitions too', async () => {
    await asOwner(
      database(),
      `${ORDERS} alter table orders add constraint orders_unique unique (id, area, rank) deferrable; ${rows(200)}`,
    )
    const owned = { ...feature, constraints: { orders: ['orders_unique'] } }
    await removeFeature(database().db, owned)
    await asOwner(
      database(),
      `create table orders_new partition of orders for values in ('new');
       create table orders_newer partition of orders for values in ('newer') partition by range (id);
       create table orders_newer_1 partition of orders_newer for values from (0) to (1000);
       insert into orders (id, area) select g, 'new' from generate_series(1, 50) g;`,
    )
    expect(await restoreFeature(database().db, owned)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select indexrelid::regclass::text from pg_index where not indisvalid')).toEqual([])
    expect(
      await database().query(
        `select conname as name, condeferrable as deferrable from pg_constraint where contype = 'u' and conrelid::regclass::text ~ 'new' order by 1`,
      ),
    ).toEqual(
      ['orders_new_id_area_rank_key', 'orders_newer_1_id_area_rank_key', 'orders_newer_id_area_rank_key'].map(
        (name) => ({
          name,
          deferrable: true,
        }),
      ),
    )
    await expectRoundTrip(database(), owned)
  })

  test('a new partition comes between the phases of a restore', async () => {
    await asOwner(database(), `${ORDERS} create index orders_rank on orders (rank); ${rows(200)}`)
    await removeFeature(database().db, feature)
    for (const phase of ['fill', 'verify', 'reveal'] as const) {
      const options = before(
        database(),
        phase,
        `create table orders_${phase} partition of orders for values in ('${phase}')`,
      )
      expect(await restoreFeature(database().db, feature, options)).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await database().query('select indexrelid::regclass::text from pg_index where not indisvalid')).toEqual([])
      expect(
        await database().query(`select pg_get_indexdef('orders_${phase}_rank_idx'::regclass) ~ 'unship' as hidden`),
      ).toEqual([{ hidden: false }])
      await removeFeature(database().db, feature)
    }
  })
})

describe('while a removal is under way', () => {
  const database = useDatabase()
  const setup = `${ORDERS} create index orders_rank on orders (rank); ${rows(400)}
    create table outside (like orders including all);
    insert into outside select g, 'out', 'k', 'n' || g, g from generate_series(1, 20) g`

  test.each(['copy', 'verify', 'cut over'] as const)(
    'a partition with rows attached before %s ends it',
    async (phase) => {
      await asOwner(database(), setup)
      const attach = `alter table orders attach partition outside for values in ('out')`
      await refusal('plan_changed', removeFeature(database().db, feature, before(database(), phase, attach)))
      expect(await database().query(`select count(note)::int as n from orders where area = 'out'`)).toEqual([{ n: 20 }])
      expect(await database().query(`select 1 from pg_trigger where tgname ~ 'unship'`)).toEqual([])
      expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed' })
      expect(await database().query(`select count(*)::int as n from backup_f_orders where area = 'out'`)).toEqual([
        { n: 20 },
      ])
      await restoreFeature(database().db, feature)
    },
  )

  test('a truncated partition, and rows that move between partitions, are seen', async () => {
    await asOwner(database(), setup)
    const options = before(
      database(),
      'verify',
      `truncate orders_c_1;
       update orders set area = 'c', note = 'moved' where area = 'a' and id % 2 = 0;
       update orders set area = 'a' where area = 'b' and id % 4 = 1;
       delete from "Orders B" where id < 50; update orders_d_0 set rank = 77;`,
    )
    await removeFeature(database().db, feature, options)
    const restored = await restoreFeature(database().db, feature)
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(restored.hosts[0]?.deleted).toBe(0)
    expect(
      await database().query(`select count(*)::int as n from orders where note = 'moved' and area <> 'c'`),
    ).toEqual([{ n: 0 }])
    expect(
      await database().query(
        `select count(*)::int as n from orders where note is distinct from 'moved' and note is distinct from case when id % 3 > 0 then 'n' || id end`,
      ),
    ).toEqual([{ n: 0 }])
    expect(await database().query('select distinct rank from orders_d_0')).toEqual([{ rank: 77 }])
  })

  test('a partition is detached: it ends, and what it had is taken back', async () => {
    await asOwner(database(), setup)
    const state = await readState(database())
    const options = before(database(), 'verify', `alter table orders detach partition orders_a`)
    await refusal('plan_changed', removeFeature(database().db, feature, options))
    expect(await database().query(`select 1 from pg_trigger where tgname ~ 'unship'`)).toEqual([])
    await refusal('nothing_to_abort', abortRemoval(database().db, feature))
    await asOwner(database(), `alter table orders attach partition orders_a for values in ('a')`)
    expect(await readState(database())).toEqual(state)
  })

  test('one that is detached while its columns are hidden is told of', async () => {
    await asOwner(database(), `${ORDERS} ${rows(600)}`)
    await removeFeature(database().db, feature)
    const detach = before(database(), 'build', 'alter table orders_c detach partition orders_c_1')
    const { outcome, warnings } = await restoreFeature(database().db, feature, detach)
    expect(outcome).toBe('restored')
    expect(warnings).toEqual([
      'public.orders_c_1 was detached, or made like its parent, while the restore was under way, and keeps unship_hidden_note, unship_hidden_rank: rename or drop them there',
    ])
  })

  test('rows that a client moves to another partition right under a batch do not end the restore', async () => {
    await asOwner(
      database(),
      `create table parts (id int, area text, note text, primary key (id, area)) partition by list (area);
       create table parts_a partition of parts for values in ('a');
       create table parts_b partition of parts for values in ('b');
       insert into parts select n, 'a', null from generate_series(1, 50) n;
       update parts set note = 'note ' || id where id % 2 = 1;`,
    )
    const notes = { name: 'notes', columns: { parts: ['note'] } }
    await removeFeature(database().db, notes)
    const moves: Promise<unknown>[] = []
    // each batch waits 10 ms for a row
    const moving = async () => {
      for (const [id, ms] of [11, 21, 31, 41].map((id, n) => [id, 3 + 2 * n] as const)) {
        const client = await database().connect()
        await client.query(`begin; update parts set area = 'b' where id = ${String(id)}`)
        moves.push(client.query(`select pg_sleep(${String(ms / 1000)}); commit`))
      }
    }
    const restored = await actingBefore(database(), 'with filled as', moving, (db) => restoreFeature(db, notes))
    await Promise.all(moves)
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select count(*)::int as rows from parts_b')).toEqual([{ rows: 4 }])
    // a key that changed is another row
    expect(await database().query('select count(note)::int as notes from parts')).toEqual([{ notes: 21 }])
  })

  test('triggers stay as they are enabled or disabled while their stand-ins are there', async () => {
    await asOwner(
      database(),
      `${ORDERS} ${rows(600)}
       create function log() returns trigger language plpgsql as 'begin return null; end';
       create trigger logs after update on orders for each row execute function log();
       create trigger more after update on orders for each row execute function log();
       create constraint trigger demands after update on orders for each row execute function log();`,
    )
    const states = () =>
      database().query(
        `select tgrelid::regclass::text as table, tgname as name, tgenabled as state from pg_trigger
         where tgrelid::regclass::text in ('orders', 'orders_c', 'orders_c_1') and tgname !~ '^RI_' order by 1, 2`,
      )
    await removeFeature(database().db, feature)
    const alter = before(
      database(),
      'build',
      `alter table orders disable trigger logs; alter table only orders_c_1 enable always trigger more;
       alter table only orders_c disable trigger demands`,
    )
    let meanwhile: unknown[] = []
    const restored = await restoreFeature(database().db, feature, {
      onProgress: (event) => {
        alter.onProgress?.(event)
        if (event.type === 'phase started' && event.phase === 'verify')
          meanwhile = queryAtOnce(
            database().url,
            `select tgrelid::regclass::text as table, tgname as name, tgenabled as state from pg_trigger
             where tgrelid::regclass::text in ('orders', 'orders_c', 'orders_c_1') and tgname !~ '^(RI_|~?unship)' order by 1, 2`,
          )
      },
    })
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(meanwhile).toHaveLength(9)
    expect(await states()).toEqual(meanwhile)
  })
})
