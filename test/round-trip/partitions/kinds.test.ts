import { describe, expect, test } from 'vitest'
import { planRemoval } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

describe('a partitioned table leaves with its partitions', () => {
  const database = useDatabase()

  test('range, list, hash, default and sub-partitions', async () => {
    await asOwner(
      database(),
      `create table sale (id int, at date not null, region text collate "C", note text default 'none', primary key (id, at, region))
         partition by range (at);
       create table sale_2024 partition of sale for values from ('2024-01-01') to ('2025-01-01') partition by list (region);
       create table sale_2024_eu partition of sale_2024 for values in ('de', 'fr') partition by hash (id);
       create table sale_2024_eu_0 partition of sale_2024_eu for values with (modulus 2, remainder 0);
       create table sale_2024_eu_1 partition of sale_2024_eu for values with (modulus 2, remainder 1);
       create table sale_2024_rest partition of sale_2024 default;
       create table sale_2025 (region text collate "C" not null, id int not null, gone int, at date not null, note text default 'late');
       alter table sale_2025 drop column gone;
       alter table sale attach partition sale_2025 for values from ('2025-01-01') to (maxvalue);
       create table sale_before partition of sale for values from (minvalue) to ('2024-01-01');
       create table nothing_yet (id int) partition by hash (id);
       insert into sale select i, date '2023-06-01' + i * 7, (array['de', 'fr', 'us'])[i % 3 + 1] from generate_series(1, 200) i;`,
    )
    const feature = { name: 'sales', tables: ['sale', 'nothing_yet'] }
    const plan = await planRemoval(database().db, feature)
    expect(plan.objects).toContainEqual(
      expect.objectContaining({
        identity: 'table public.sale_2024_eu_0',
        handling: 'moved',
        why: 'belongs to the feature by its nature',
      }),
    )
    await expectRoundTrip(database(), feature, {
      removed: async () =>
        expect(
          await database().query(
            `select relid::regclass::text as name from pg_partition_tree('backup_sale') where isleaf order by 1`,
          ),
        ).toEqual(
          ['2024_eu_0', '2024_eu_1', '2024_rest', '2025', 'before'].map((name) => ({ name: `backup_sale_${name}` })),
        ),
    })
  })
})
