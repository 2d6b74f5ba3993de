import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip, major } from '../../support/round-trip.ts'
import { ORDERS, rows } from './support.ts'

const columns = { orders: ['note', 'rank'] }

describe('what a partitioned table has over removed columns', () => {
  const database = useDatabase()

  test('checks of the whole, of one partition, valid and not valid', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       alter table orders add constraint positive check (rank >= 0);
       alter table orders add constraint noted check (note <> 'x' and rank < 1000) not valid;
       alter table orders_c_1 validate constraint noted;
       alter table orders_c add constraint c_only check (rank < 500);
       alter table "Orders B" add constraint "B only" check (note like 'n%') not valid;
       comment on constraint positive on orders is 'of all';
       comment on constraint positive on orders_c_1 is 'of c 1';
       comment on constraint c_only on orders_c is 'of c';
       ${rows(200)}`,
    )
    await expectRoundTrip(database(), { name: 'f', columns })
  })

  test('statistics, policies, views and functions, of the whole and of partitions', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       create statistics orders_s (dependencies) on note, rank from orders;
       create statistics a_s (mcv) on note, rank from orders_a;
       alter statistics a_s set statistics 7;
       comment on statistics a_s is 'of a';
       alter table orders enable row level security;
       alter table orders_a enable row level security;
       create policy p on orders for select to crm_app using (rank > 0);
       create policy pa on orders_a as restrictive to crm_app using (note <> '') with check (rank > 1);
       create view noted as select id, note from orders where rank > 1;
       create view noted_a with (security_barrier) as select id, note from orders_a;
       create materialized view ranks as select rank, count(*) as n from orders group by rank;
       create function note_of(int) returns text stable language sql begin atomic select note from orders where id = $1 limit 1; end;
       ${rows(200)}
       refresh materialized view ranks;`,
    )
    await expectRoundTrip(database(), {
      name: 'f',
      columns,
      views: ['noted', 'noted_a', 'ranks'],
      functions: ['note_of'],
      policies: { orders: ['p'], orders_a: ['pa'] },
    })
  })

  test('triggers of the feature, each enabled in each partition as it was', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       create function touch() returns trigger language plpgsql as 'begin return new; end';
       create trigger on_note before update of note on orders for each row execute function touch();
       create trigger on_rank after insert or update of rank on orders for each row when (new.rank > 3) execute function touch();
       create constraint trigger on_both after update of note, rank on orders deferrable for each row execute function touch();
       create trigger on_statement after update of rank on orders for each statement execute function touch();
       create trigger on_a after update of rank on orders_a for each row execute function touch();
       create trigger on_c after update of rank on orders_c for each row execute function touch();
       alter table orders disable trigger on_rank;
       alter table only orders_c_1 enable always trigger on_rank;
       alter table only "Orders B" enable replica trigger on_note, disable trigger on_both;
       alter table only orders_c_2 disable trigger on_c;
       alter table only orders_a disable trigger on_a;
       comment on trigger on_note on orders is 'of all';
       comment on trigger on_note on orders_c is 'of c';
       ${rows(100)}`,
    )
    await expectRoundTrip(database(), {
      name: 'f',
      columns,
      triggers: {
        orders: ['on_note', 'on_rank', 'on_both', 'on_statement'],
        orders_a: ['on_a'],
        orders_c: ['on_c'],
      },
    })
  })

  test('triggers that stay do not fire for the fill, fire for others, and are enabled as they were', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       create table fired (name text, relation text);
       alter table orders add column touched timestamptz not null default '2024-01-01';
       create function touch() returns trigger language plpgsql as $$ begin new.touched := clock_timestamp(); return new; end $$;
       create function log() returns trigger language plpgsql as $$ begin insert into fired values (tg_name, tg_table_name); return null; end $$;
       create trigger a_touch before update on orders for each row execute function touch();
       create trigger b_when after insert or update on orders for each row when (new.id > 0) execute function log();
       create trigger "c Always" after update or delete on orders for each row execute function log();
       create constraint trigger d_constraint after update on orders deferrable initially deferred for each row execute function log();
       create trigger e_statement after update on orders for each statement execute function log();
       create trigger f_disabled after update on orders for each row execute function log();
       create trigger g_own after update on "Orders B" for each row execute function log();
       create trigger h_sub after update on orders_c for each row execute function log();
       create trigger i_statement after update on orders_a for each statement execute function log();
       ${rows(100)}
       truncate fired;
       alter table orders enable always trigger "c Always", disable trigger f_disabled, enable always trigger d_constraint;
       alter table only orders_c_1 disable trigger b_when, enable always trigger f_disabled;
       alter table only orders_a enable replica trigger "c Always", disable trigger d_constraint;
       alter table only orders_c_2 disable trigger h_sub;
       comment on trigger d_constraint on orders is 'of all';
       comment on trigger d_constraint on orders_c_1 is 'of c 1';
       comment on trigger a_touch on orders_c_1 is 'of c 1';`,
    )
    await expectRoundTrip(database(), { name: 'f', columns })
    expect(await database().query('select * from fired')).toEqual([])
    expect(await database().query(`select count(*)::int as n from orders where touched <> '2024-01-01'`)).toEqual([
      { n: 0 },
    ])
    await database().query(`update orders set kept = 'new' where area = 'c' and id < 100`)
    expect(await database().query('select distinct name, relation from fired order by 1, 2')).toEqual(
      [
        ['c Always', 'orders_c_1'],
        ['d_constraint', 'orders_c_1'],
        ['e_statement', 'orders'],
        ['f_disabled', 'orders_c_1'],
        ['h_sub', 'orders_c_1'],
      ].map(([name, relation]) => ({ name, relation })),
    )
  })

  test('in the transaction of the caller', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       create index orders_rank on orders (rank);
       create function touch() returns trigger language plpgsql as 'begin raise ''it fired''; end';
       alter table orders add constraint positive check (rank >= 0);
       ${rows(200)}
       create trigger a_touch before update on orders for each row execute function touch();`,
    )
    const { removeFeature, restoreFeature } = await import('kysely-unship')
    const { readState } = await import('../../support/life.ts')
    const before = await readState(database())
    const feature = { name: 'f', columns }
    await database()
      .db.transaction()
      .execute(async (trx) => await removeFeature(trx, feature))
    await database()
      .db.transaction()
      .execute(async (trx) => await restoreFeature(trx, feature))
    expect(await readState(database())).toEqual(before)
    expect(major()).toBeGreaterThan(13)
  })
})
