import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { asOwner, expectRefusal, expectRoundTrip, major } from '../../support/round-trip.ts'

describe('foreign keys', () => {
  const database = useDatabase()

  test('from the feature to kept tables, within it and to itself', async () => {
    await asOwner(
      database(),
      `create table kept (id int primary key, a int, b int, unique (a, b));
       create table node (
         id int primary key default 0,
         parent int references node (id) on delete cascade deferrable initially deferred,
         cascades int references kept on delete cascade on update cascade,
         nulls int references kept on delete set null on update set null,
         defaults int default 1 references kept on delete set default on update set default,
         restricts int references kept on delete restrict on update restrict deferrable,
         plain int constraint "Plain key" references kept,
         a int, b int, constraint whole foreign key (a, b) references kept (a, b) match full
       );
       alter table node add constraint unchecked foreign key (plain) references kept (id) not valid;
       create table leaf (id int primary key, node int not null references node on delete restrict);
       comment on constraint whole on node is 'both or none';
       insert into kept values (1, 1, 1), (2, 2, 2);
       insert into node values (1, null, 1, 1, 1, 1, 1, 1, 1), (2, 1, 2, null, 2, null, null, null, null), (3, 2, null, null, null, null, null, null, null);
       insert into leaf values (1, 2), (2, 3);`,
    )
    await expectRoundTrip(
      database(),
      { name: 'nodes', tables: ['leaf', 'node'] },
      {
        removed: async () =>
          expect(
            await database().query(
              `select conname from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace`,
            ),
          ).toEqual([]),
      },
    )
  })

  test('from kept tables to the feature are declared, or refused with a suggestion', async () => {
    await asOwner(
      database(),
      `create table plan (id int primary key, code text unique);
       create table kept (id int primary key, plan_id int, code text references plan (code) on update cascade,
         constraint "to plan" foreign key (plan_id) references plan on delete set null deferrable);
       comment on constraint "to plan" on kept is 'which plan';
       insert into plan values (1, 'a'); insert into kept values (1, 1, 'a'), (2, null, null);`,
    )
    const feature = { name: 'plans', tables: ['plan'] }
    const refusal = await expectRefusal(database(), feature)
    expect(refusal.code).toBe('undeclared_dependents')
    expect(refusal.suggestion?.constraints?.kept?.toSorted()).toEqual(['kept_code_fkey', 'to plan'])
    await expectRoundTrip(database(), { ...feature, ...refusal.suggestion })
  })
  test('from kept tables wait for rows that refer to nothing', async () => {
    await asOwner(
      database(),
      `create table plan (id int primary key); create table kept (id int primary key, plan_id int references plan);
       insert into plan values (1);`,
    )
    const feature = { name: 'plans', tables: ['plan'], constraints: { kept: ['kept_plan_id_fkey'] } }
    await removeFeature(database().db, feature)
    await database().query('insert into kept values (1, 7)')
    await expect(restoreFeature(database().db, feature)).rejects.toMatchObject({
      code: 'rows_in_the_way',
      detail:
        '1 row of kept would refer by plan_id to rows of plan that are not there (foreign key kept_plan_id_fkey).',
    })
    await database().query('update kept set plan_id = 1')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(
      await database().query(`select convalidated from pg_constraint where conname = 'kept_plan_id_fkey'`),
    ).toEqual([{ convalidated: true }])
  })

  test.each([
    [
      'no parent any more',
      '',
      `update kept set code = 'b'`,
      `update kept set code = 'a'`,
      '1 row of kept would refer by a, code to rows of plan that are not there (foreign key pair).',
    ],
    [
      'a part of a reference, MATCH FULL',
      'match full',
      `insert into kept values (2, 'a')`,
      'delete from kept where id = 2',
      '1 row of kept would have a part of (a, code) alone (foreign key pair is MATCH FULL).',
    ],
  ])('over removed and kept columns: rows with %s are told before anything appears', async (...of) => {
    const [, match, change, mend, detail] = of
    await asOwner(
      database(),
      `create table plan (a int, code text, primary key (a, code)); insert into plan values (1, 'a');
       create table kept (id int primary key, code text, a int, constraint pair foreign key (a, code) references plan ${match});
       insert into kept values (1, 'a', 1)`,
    )
    const feature = { name: 'plans', columns: { kept: ['a'] }, constraints: { kept: ['pair'] } }
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, feature)
    await asOwner(database(), change)
    await expect(restoreFeature(database().db, feature)).rejects.toMatchObject({
      code: 'rows_in_the_way',
      detail,
    })
    expect(await database().query(`select from pg_constraint where conname = 'pair'`)).toEqual([])
    await asOwner(database(), mend)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('MATCH FULL, where rows inserted meanwhile would have a part of them: a fill value is asked for', async () => {
    await asOwner(
      database(),
      `create table plan (a int, code text, primary key (a, code)); insert into plan values (1, 'a'), (2, 'a');
       create table kept (id int primary key, code text not null, a int, constraint pair foreign key (a, code) references plan match full);
       insert into kept values (1, 'a', 1)`,
    )
    const feature = { name: 'plans', columns: { kept: ['a'] }, constraints: { kept: ['pair'] } }
    const error = await expectRefusal(database(), feature)
    expect(error.code).toBe('fill_value_missing')
    expect(error.detail).toBe('Column kept.a has no default, and foreign key pair is MATCH FULL: code is never NULL.')
    const filled = { ...feature, fill: { kept: { a: '2' } } }
    await removeFeature(database().db, filled)
    await asOwner(database(), `insert into kept values (2, 'a')`)
    expect(await restoreFeature(database().db, filled)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select a from kept order by id')).toEqual([{ a: 1 }, { a: 2 }])
  })

  describe('where several indexes fit', () => {
    const hangOn = () =>
      database().query(
        `select conname, conrelid::regclass::text as of, conindid::regclass::text as on from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace order by 1, 2, 3`,
      )

    test('hang on the primary key again', async () => {
      await asOwner(
        database(),
        `create table kept (a int not null, "B (a)" int not null, c int);
         create unique index older on kept ("B (a)", a);
         alter table kept add primary key ("B (a)", a);
         insert into kept values (1, 2, 3);
         create table item (id int primary key, a int, b int, constraint declared foreign key (b, a) references kept on delete set null${major() < 15 ? '' : ' (a)'});
         create table parts (a int, b int, foreign key (b, a) references kept) partition by list (a);
         create table parts_1 partition of parts for values in (1);
         create table other (a int, b int, constraint named foreign key (b, a) references kept ("B (a)", a));
         insert into item values (1, 1, 2); insert into parts values (1, 2);`,
      )
      const before = await hangOn()
      expect(new Set(before.map(({ on }) => on))).toEqual(new Set(['kept_pkey', 'older']))
      await expectRoundTrip(database(), { name: 'items', tables: ['item', 'parts', 'other'] })
      expect(await hangOn()).toEqual(before)
    })

    test('hang on one that is built again, where that was not the oldest', async () => {
      await asOwner(
        database(),
        `create table kept (id int primary key, gone int);
         create unique index z_older on kept (id); create unique index "gone" on kept (gone);
         create table item (id int primary key references kept, kept int references kept (gone));`,
      )
      const before = await hangOn()
      await expectRoundTrip(database(), {
        name: 'items',
        tables: ['item'],
        columns: { kept: ['gone'] },
        indexes: ['z_older', 'gone'],
      })
      expect(await hangOn()).toEqual(before)
    })

    test('are refused where they hang on a younger one', async () => {
      await asOwner(
        database(),
        `create table kept (id int not null); create unique index a on kept (id); create unique index b on kept (id);
         create table item (id int references kept (id));`,
      )
      await database().query('reindex index concurrently a')
      const error = await expectRefusal(database(), { name: 'items', tables: ['item'] })
      expect(error.code).toBe('not_restorable')
      expect(error.detail).toBe('foreign key item_id_fkey of item hangs on index a of kept, and would hang on b.')
    })
  })
})
