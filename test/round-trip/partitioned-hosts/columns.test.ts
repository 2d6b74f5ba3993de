import { describe, test } from 'vitest'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'
import { useDatabase } from '../../support/database.ts'

describe('columns of a partitioned table', () => {
  const database = useDatabase()

  test('two of a table with two partitions, one of them indexed', async () => {
    await asOwner(
      database(),
      `create table orders (id int, day date, kept text, note text, rank int, primary key (id, day)) partition by range (day);
       create table orders_1 partition of orders for values from ('2024-01-01') to ('2024-02-01');
       create table orders_2 partition of orders for values from ('2024-02-01') to ('2024-03-01');
       create index orders_rank on orders (rank);
       insert into orders select g, '2024-01-01'::date + g % 60, 'k' || g, case when g % 2 = 0 then 'n' || g end, g % 7 from generate_series(1, 300) g where g % 60 < 59;`,
    )
    await expectRoundTrip(database(), { name: 'f', columns: { orders: ['note', 'rank'] } })
  })
})
