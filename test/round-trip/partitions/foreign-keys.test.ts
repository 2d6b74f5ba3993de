import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRefusal, expectRoundTrip, major } from '../../support/round-trip.ts'
import { readState } from '../../support/life.ts'

/** Rows 1 to 10, in a partition and in two partitions of another. */
const partitioned = (name: string, columns: string) =>
  `create table ${name} (id int, ${columns} primary key (id)) partition by range (id);
   create table ${name}_1 partition of ${name} for values from (0) to (5);
   create table ${name}_2 partition of ${name} for values from (5) to (100) partition by range (id);
   create table ${name}_2_a partition of ${name}_2 for values from (5) to (8);
   create table ${name}_2_b partition of ${name}_2 default;`
const KEPT = 'create table kept (id int primary key); insert into kept select generate_series(1, 10);'

describe('foreign keys of partitioned tables', () => {
  const database = useDatabase()

  test('to kept tables, to themselves, of partitions alone', async () => {
    await asOwner(
      database(),
      `${KEPT} ${partitioned('sale', 'kept int, parent int, other int,')}
       insert into sale select i, i, i, i from generate_series(1, 10) i;
       alter table sale add constraint "to kept" foreign key (kept) references kept on delete cascade on update set null deferrable initially deferred,
         add constraint self foreign key (parent) references sale on delete set null;
       alter table sale_1 add constraint alone foreign key (other) references kept not valid;
       alter table sale_2_b add constraint alone_too foreign key (other) references sale_2_a (id) on delete restrict not valid;
       alter table sale_2_a rename constraint "to kept" to "own name";
       comment on constraint "to kept" on sale is 'root'; comment on constraint "own name" on sale_2_a is 'leaf';
       comment on constraint self on sale_2 is 'between';`,
    )
    await expectRoundTrip(
      database(),
      { name: 'sales', tables: ['sale'] },
      {
        removed: async () =>
          expect(
            await database().query(
              `select conname from pg_constraint where contype = 'f' and conrelid::regclass::text !~ 'unship'`,
            ),
          ).toEqual([]),
      },
    )
  })

  test('an attached key keeps the name that it had of its own', async () => {
    await asOwner(
      database(),
      `${KEPT} create table sale (id int, kept int references kept) partition by list (id);
       create table sale_1 (id int, kept int constraint mine references kept);
       alter table sale attach partition sale_1 default; insert into sale values (1, 1);`,
    )
    await expectRoundTrip(database(), { name: 'sales', tables: ['sale'] })
  })

  test('from kept tables to a partitioned table and to a partition', async () => {
    await asOwner(
      database(),
      `${partitioned('sale', '')} insert into sale select generate_series(1, 10);
       create table refers (id int primary key, sale int constraint r references sale on delete cascade, part int references sale_1);
       insert into refers values (1, 1, 1), (2, 7, null), (3, null, 2);
       comment on constraint r on refers is 'whole';`,
    )
    const refusal = await expectRefusal(database(), { name: 'sales', tables: ['sale'] })
    expect(refusal.code).toBe('undeclared_dependents')
    expect(refusal.suggestion?.constraints?.refers?.toSorted()).toEqual(['r', 'refers_part_fkey'])
    await expectRoundTrip(database(), { name: 'sales', tables: ['sale'], ...refusal.suggestion })
  })

  test('the names that PostgreSQL gave are kept, whatever it would give now', async () => {
    await asOwner(
      database(),
      `create table sale (id int primary key) partition by range (id);
       create table sale_2 partition of sale for values from (5) to (9);
       create table refers (sale int constraint r references sale);
       create table sale_1 partition of sale for values from (0) to (5);
       create table sale_3 partition of sale for values from (9) to (20);
       alter table refers rename constraint ${major() >= 18 ? 'r_1' : 'refers_sale_fkey'} to passing;`,
    )
    const names = await database().query<{ conname: string }>(
      `select conname from pg_constraint where conrelid = 'refers'::regclass and conparentid <> 0 order by confrelid::regclass::text`,
    )
    const [first, second, third] = names.map(({ conname }) => conname)
    await asOwner(
      database(),
      `alter table refers rename constraint "${second ?? ''}" to swapping;
       alter table refers rename constraint "${third ?? ''}" to "${second ?? ''}";
       alter table refers rename constraint swapping to "${third ?? ''}";
       alter table refers rename constraint "${first ?? ''}" to "First name";`,
    )
    await expectRoundTrip(database(), { name: 'sales', tables: ['sale'], constraints: { refers: ['r'] } })
  })

  test('between partitioned tables, moved and kept, both ways', async () => {
    await asOwner(
      database(),
      `${partitioned('shop', '')} ${partitioned('kept', '')}
       ${partitioned('sale', 'shop int references shop on delete cascade, kept int constraint kept references kept,')}
       ${partitioned('refers', 'sale int constraint sale references sale, kept int references kept,')}
       create table plain (id int primary key, kept int references kept on delete set null);
       insert into shop select generate_series(1, 10); insert into kept select generate_series(1, 10);
       insert into sale select i, i, i from generate_series(1, 10) i; insert into refers select i, i, i from generate_series(1, 10) i;
       insert into plain values (1, 1), (2, 9);
       comment on constraint kept on sale is 'to what stays'; comment on constraint sale on refers is 'from what stays';`,
    )
    const refusal = await expectRefusal(database(), { name: 'sales', tables: ['sale', 'shop', 'plain'] })
    expect(refusal.suggestion).toEqual({ constraints: { refers: ['sale'] } })
    await expectRoundTrip(database(), {
      name: 'sales',
      tables: ['sale', 'shop', 'plain'],
      constraints: { refers: ['sale'] },
    })
  })

  test('from a kept partitioned table to a moved table', async () => {
    await asOwner(
      database(),
      `create table sale (id int primary key); insert into sale select generate_series(1, 10);
       ${partitioned('refers', 'sale int references sale on delete set null,')}
       insert into refers select i, i from generate_series(1, 10) i;`,
    )
    await expectRoundTrip(database(), {
      name: 'sales',
      tables: ['sale'],
      constraints: { refers: ['refers_sale_fkey'] },
    })
  })

  test('those that are not valid, or not enforced, stay so', async () => {
    if (major() < 18) return
    await asOwner(
      database(),
      `${KEPT} ${partitioned('sale', 'a int, b int,')}
       insert into sale select i, i, i from generate_series(1, 10) i;
       alter table sale add constraint not_valid foreign key (a) references kept not valid;
       alter table sale_1 validate constraint not_valid;
       alter table sale add constraint not_enforced foreign key (b) references kept on delete cascade not enforced;`,
    )
    await expectRoundTrip(database(), { name: 'sales', tables: ['sale'] })
  })

  test('in a transaction of the caller', async () => {
    await asOwner(
      database(),
      `${KEPT} ${partitioned('sale', 'kept int references kept,')} insert into sale select i, i from generate_series(1, 10) i;
       create table refers (sale int references sale); insert into refers values (3), (9);`,
    )
    const feature = { name: 'sales', tables: ['sale'], constraints: { refers: ['refers_sale_fkey'] } }
    const before = await readState(database())
    await database()
      .db.transaction()
      .execute((trx) => removeFeature(trx, feature))
    expect(
      await database()
        .db.transaction()
        .execute((trx) => restoreFeature(trx, feature)),
    ).toMatchObject({
      outcome: 'restored',
      warnings: [],
    })
    expect(await readState(database())).toEqual(before)
  })
})
