import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const REVEALS = `'revealed'`

/**
 * Comparing two keys waits for as long as somebody holds the advisory lock 1: reading a table that refers is as long as the test likes.
 * Only where rows are being set aside, for PostgreSQL compares keys in an index while it keeps writers from a page of it.
 */
const SLOW_KEYS = `
  create type slow;
  create function slow_in(cstring) returns slow language internal immutable strict as 'int4in';
  create function slow_out(slow) returns cstring language internal immutable strict as 'int4out';
  create type slow (input = slow_in, output = slow_out, like = int4);
  create cast (int4 as slow) without function as assignment;
  create cast (slow as int4) without function;
  create function slow_eq(slow, slow) returns boolean language plpgsql set lock_timeout = 0 as $$ begin
    if pg_catalog.current_setting('unship.orphaned_in', true) <> '' then
      perform pg_catalog.pg_advisory_xact_lock_shared(1);
    end if;
    return $1::pg_catalog.int4 operator(pg_catalog.=) $2::pg_catalog.int4;
  end $$;
  create function slow_lt(slow, slow) returns boolean language internal immutable strict as 'int4lt';
  create function slow_le(slow, slow) returns boolean language internal immutable strict as 'int4le';
  create function slow_gt(slow, slow) returns boolean language internal immutable strict as 'int4gt';
  create function slow_ge(slow, slow) returns boolean language internal immutable strict as 'int4ge';
  create function slow_cmp(slow, slow) returns int language internal immutable strict as 'btint4cmp';
  create operator = (leftarg = slow, rightarg = slow, function = slow_eq, commutator = =);
  create operator < (leftarg = slow, rightarg = slow, function = slow_lt);
  create operator <= (leftarg = slow, rightarg = slow, function = slow_le);
  create operator > (leftarg = slow, rightarg = slow, function = slow_gt);
  create operator >= (leftarg = slow, rightarg = slow, function = slow_ge);
  create operator class slow_ops default for type slow using btree as
    operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 slow_cmp(slow, slow);`

const TRIGGER = `create function touch() returns trigger language plpgsql as 'begin return new; end';
  create trigger touch before update on log for each row execute function touch();`

describe('rows set aside after the reveal, to which tables without an index may refer', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  const withoutParent = () => database().query('delete from parents where id = 3')

  test.each([
    ['large, it asks for an index first', 2_100, true],
    ['small, it is read', 3, false],
  ])('by a key that holds for every row, hence stays; the table is %s', async (_, rows, refuses) => {
    const feature = { name: 'f', tables: ['log'] }
    await owner(`create table parents (id int primary key); insert into parents select generate_series(1, 5);
      create table log (id int primary key, parent int references parents);
      insert into log select n, n from generate_series(1, 5) n; ${TRIGGER}`)
    await removeFeature(database().db, feature)
    const breaking = actingBefore(database(), REVEALS, withoutParent, (db) =>
      restoreFeature(db, feature, {
        onProgress: ({ type, phase }: { type: string; phase?: string }) => {
          if (type === 'phase started' && phase === 'validate') throw new Error('broken off')
        },
      }),
    )
    await expect(breaking).rejects.toThrow('broken off')
    // a block for each row
    await owner(`create table visits (log int, wide text);
      alter table visits alter wide set storage plain;
      insert into visits select 1, repeat('x', 5000) from generate_series(1, ${String(rows)});
      alter table visits add foreign key (log) references log`)
    if (refuses) {
      const error = await refusal('rows_in_the_way', restoreFeature(database().db, feature))
      expect(error.detail).toContain('visits_log_fkey of public.visits')
      await owner('create index on visits (log)')
    }
    expect((await restoreFeature(database().db, feature)).setAside).toMatchObject([{ table: 'log', rows: 1 }])
  })

  describe('nobody waits while one of these is read', () => {
    const feature = { name: 'f', tables: ['log', 'details'] }
    beforeEach(async () => {
      await database().query(SLOW_KEYS)
      await owner(`create table parents (id int primary key); insert into parents select generate_series(1, 5);
        create table log (id slow primary key, parent int references parents);
        create table details (id int primary key, log slow references log on delete cascade);
        insert into log select n, n from generate_series(1, 5) n`)
    })

    /** Whenever the run stands still in a comparison, a client writes, and then the comparison goes on, up to the next transaction. */
    async function writing(over: AbortSignal): Promise<void> {
      const holder = await database().connect('admin')
      const client = await database().connect()
      await client.query(`set lock_timeout = '2s'`)
      const stalled = `select from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and not granted and objid = 1`
      await holder.query('select pg_advisory_lock(1)')
      try {
        for (let n = 100; !over.aborted;) {
          if ((await holder.query(stalled)).rowCount === 0) await sleep(5)
          else {
            await client.query(
              `insert into log values (${String(n)}, 1); insert into details values (${String(n++)}, null)`,
            )
            await holder.query('select pg_advisory_unlock(1)')
            await holder.query('select pg_advisory_lock(1)')
          }
        }
      } finally {
        await holder.query('select pg_advisory_unlock(1)')
      }
    }

    test.each([
      ['to a row that goes', 3, TRIGGER, 1],
      ['to another row', 4, TRIGGER, 0],
      ['to a row that goes, without a trigger', 3, '', 1],
    ])('it refers %s', async (_, refersTo, trigger, gone) => {
      await owner(`insert into details values (1, ${String(refersTo)}), (2, 5); ${trigger}`)
      await removeFeature(database().db, feature)
      const over = new AbortController()
      let written: Promise<void> | undefined
      const report = await actingBefore(
        database(),
        REVEALS,
        async () => {
          await withoutParent()
          written = writing(over.signal)
          void written.catch(() => undefined)
        },
        (db) => restoreFeature(db, feature),
      ).finally(() => {
        over.abort()
      })
      await written
      expect(report.setAside.map(({ table, rows }) => [table, rows])).toEqual([
        ['log', 1],
        ...(gone === 1 ? [['details', 1]] : []),
      ])
    })
  })
})
