import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type Phase, type RunOptions } from 'kysely-unship'
import { queryAtOnce } from '../../support/at-once.ts'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { refusal, refusedUnchanged } from '../../support/refusal.ts'
import { asOwner } from '../../support/round-trip.ts'
import { refusal as refusedRemoval, roundTrip } from './support.ts'

describe('checks over removed columns', () => {
  const database = useDatabase()

  test('of one column, of several, with kept ones, NOT VALID, NO INHERIT, calling functions, with comments', async () => {
    await roundTrip(database(), {
      setup: `
        create function is_even(n int) returns bool language sql immutable as 'select n % 2 = 0';
        create table t (id int primary key, kept int default 1, a int default 2, b int, v varchar(9), e text,
          constraint a_check check (a > 0), check (a < b or b is null), constraint with_kept check (a > kept - 100),
          constraint in_list check (v in ('x', 'y', 'it''s')), constraint no_inherit check (b <> 8) no inherit,
          constraint even check (is_even(a)), check (e = any (array['p', 'q'])), constraint only_kept check (kept > 0));
        insert into t select g, g, 2 * g, 2 * g + 1, 'x', 'p' from generate_series(1, 9) g;
        alter table t add constraint not_yet check (a < 10) not valid, add constraint not_yet_kept check (a < 10 and kept < 10) not valid;
        comment on constraint a_check on t is 'positive';
        comment on constraint not_yet on t is 'some day';`,
      feature: { name: 'f', columns: { t: ['a', 'b', 'v', 'e'] } },
      away: async () => {
        expect(
          await database().query(`select conname from pg_constraint where conrelid = 't'::regclass and contype = 'c'`),
        ).toEqual([{ conname: 'only_kept' }])
      },
    })
  })

  test('that call functions of the feature alone, of one table and of a partitioned one', async () => {
    await roundTrip(database(), {
      setup: `
        create function in_range(n int, low int default 0, high int default 99) returns bool language sql immutable as 'select n between low and high';
        create table t (id int primary key, kept int, a int, constraint a_in check (in_range(a)),
          constraint mixed check (in_range(a, high => kept + 9)), constraint kept_in check (in_range(kept)));
        create table p (id int primary key, a int, constraint p_in check (in_range(a))) partition by range (id);
        create table p1 partition of p (constraint p1_in check (in_range(a, 1))) for values from (0) to (100);
        insert into t values (1, 1, 1), (2, 2, 8);
        alter table t add constraint not_yet check (in_range(a, 7)) not valid;
        insert into p values (1, 1), (2, 2);`,
      feature: {
        ...{ name: 'f', columns: { t: ['a'], p: ['a'] }, functions: ['in_range'] },
        constraints: { t: ['kept_in'] },
      },
    })
  })

  describe('that a row came to break meanwhile', () => {
    const feature = defineFeature()({ name: 'f', columns: { t: ['a', 'b'] } })
    const broken = 'check mixed of t (a, the kept) does not hold'
    beforeEach(() =>
      asOwner(
        database(),
        `create table t (id int primary key, "the kept" int, a int default 2, b text, constraint mixed check (a > "the kept"));
         insert into t values (1, 1, 2, 'x'), (2, 0, 5, 'y')`,
      ),
    )
    const restoring = () => restoreFeature(database().db, feature)

    test.each([
      ['by what it kept', 'update t set "the kept" = 9 where id = 2', 'update t set "the kept" = 0 where id = 2'],
      ['as it came', 'insert into t values (3, 2)', 'delete from t where id = 3'],
    ])('%s: the restore refuses, and restores when it is mended', async (_, breaking, mend) => {
      const before = await readState(database())
      await removeFeature(database().db, feature)
      await asOwner(database(), breaking)
      const error = await refusedUnchanged(database(), 'rows_in_the_way', restoring)
      expect(error.detail).toContain(broken)
      expect(error.hint).toContain('Nothing was restored.')
      await asOwner(database(), mend)
      expect(await restoring()).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await readState(database())).toEqual(before)
    })

    test('while the restore is under way: nothing appears, and it goes on or is taken back', async () => {
      const during = (phase: Phase, sql: string): RunOptions => ({
        onProgress: (event) => {
          if (event.type === 'phase started' && event.phase === phase) queryAtOnce(database().url, sql)
        },
      })
      await removeFeature(database().db, feature)
      const removed = await readState(database(), { dump: false })
      const call = () =>
        restoreFeature(database().db, feature, during('build', 'update t set "the kept" = 9 where id = 2'))
      const error = await refusal('rows_in_the_way', call())
      expect(error.detail).toContain(broken)
      // nothing keeps the application from its rows
      await asOwner(database(), 'update t set "the kept" = 8 where id = 2')
      expect((await refusal('rows_in_the_way', restoring())).detail).toContain(broken)
      await asOwner(database(), 'update t set "the kept" = 0 where id = 2')
      expect(await restoring()).toMatchObject({ outcome: 'restored', warnings: [] })

      await removeFeature(database().db, feature)
      await refusal('rows_in_the_way', call())
      expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'already removed' })
      await asOwner(database(), 'update t set "the kept" = 0 where id = 2')
      expect(await readState(database(), { dump: false })).toEqual(removed)
    })
  })

  test('that rows inserted meanwhile could not satisfy are refused', async () => {
    await database().query(`
      set role crm_owner;
      create table t (id int primary key, a int, b text default 'x', constraint a_there check (a is not null), constraint b_long check (length(b) > 3) not valid);`)
    const error = await refusedRemoval(database(), { name: 'f', columns: { t: ['a', 'b'] } })
    expect(error.code).toBe('not_restorable')
    expect(error.detail).toContain('check a_there of t')
    expect(error.detail).toContain('check b_long of t')
  })
})
