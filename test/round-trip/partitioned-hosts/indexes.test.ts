import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip, major } from '../../support/round-trip.ts'
import { ORDERS, rows } from './support.ts'

describe('indexes of a partitioned table over removed columns', () => {
  const database = useDatabase()
  const columns = { orders: ['note', 'rank'] }
  const invalid = () => database().query('select indexrelid::regclass::text as name from pg_index where not indisvalid')

  test('come back with their parts, under their names, with comments, targets and options, and valid', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       create index orders_rank on orders (rank desc nulls last) with (fillfactor = 70);
       create index orders_lower on orders (lower(note), (rank + 1)) where rank > 3 and note <> 'it''s';
       create index orders_include on orders (note) include (rank);
       create index orders_brin on orders using brin (rank);
       alter index orders_c_1_rank_idx rename to "Rank of C 1";
       alter index orders_c_rank_idx rename to c_rank;
       alter index "Rank of C 1" set (fillfactor = 50);
       comment on index orders_rank is 'of all';
       comment on index c_rank is 'of c';
       comment on index "Rank of C 1" is 'of c 1';
       alter index orders_lower alter column 2 set statistics 500;
       alter index orders_a_lower_expr_idx alter column 1 set statistics 300, alter column 2 set statistics 0;
       alter table orders_a cluster on orders_a_rank_idx;
       ${rows(400)}`,
    )
    await expectRoundTrip(database(), { name: 'f', columns })
    expect(await invalid()).toEqual([])
  })

  test('of single partitions, of a partitioned partition, equal ones, and an invalid one to which not all are attached', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       create index orders_rank on orders (rank);
       create index orders_rank_again on orders (rank);
       create index a_rank on orders_a (rank);
       create unique index c_1_rank on orders_c_1 (rank, id);
       create index c_note on orders_c (note);
       create index default_note on only orders_default (note);
       ${rows(400)}`,
    )
    await expectRoundTrip(database(), { name: 'f', columns, indexes: ['c_1_rank'] }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'not_restorable' })
      expect(String(error)).toContain('index default_note of orders_default is not valid')
    })
    await asOwner(database(), 'drop index default_note')
    await expectRoundTrip(database(), { name: 'f', columns, indexes: ['c_1_rank'] })
    expect(await invalid()).toEqual([])
  })

  test('unique ones and unique constraints, which hold kept columns too and are declared', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       create unique index orders_note on orders (note, area, id);
       alter table orders add constraint orders_unique unique ${major() >= 15 ? 'nulls not distinct ' : ''}(rank, id, area) include (note) with (fillfactor = 60) deferrable initially deferred;
       alter table orders_c_1 add constraint c_1_unique unique (id, rank);
       alter index orders_a_rank_id_area_note_key rename to "a unique";
       comment on constraint orders_unique on orders is 'of all';
       comment on constraint "a unique" on orders_a is 'of a';
       comment on index "a unique" is 'its index';
       ${rows(400)}`,
    )
    await expectRoundTrip(database(), {
      name: 'f',
      columns,
      indexes: ['orders_note'],
      constraints: { orders: ['orders_unique'], orders_c_1: ['c_1_unique'] },
    })
    expect(await invalid()).toEqual([])
  })

  test('over kept columns alone belong to the feature where declared', async () => {
    await asOwner(database(), `${ORDERS} create index orders_kept on orders (kept); ${rows(100)}`)
    await expectRoundTrip(database(), { name: 'f', columns, indexes: ['orders_kept'] })
    expect(await invalid()).toEqual([])
  })

  test('over a generated column', async () => {
    await asOwner(
      database(),
      `${ORDERS}
       alter table orders add column twice int generated always as (rank * 2) stored;
       create index orders_twice on orders (twice, rank);
       comment on index orders_c_2_twice_rank_idx is 'a part';
       ${rows(100)}`,
    )
    await expectRoundTrip(database(), {
      name: 'f',
      columns: { orders: ['rank', 'twice'] },
      acknowledge: { rewrites: { orders: ['twice'] } },
    })
    expect(await invalid()).toEqual([])
  })
})
