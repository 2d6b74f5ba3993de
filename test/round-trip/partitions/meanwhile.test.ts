import { describe, expect, test } from 'vitest'
import { planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { refusal, refusedUnchanged } from '../../support/refusal.ts'
import { asOwner } from '../../support/round-trip.ts'

const SALE = `create table sale (id int, note text) partition by range (id);
  create table sale_1 partition of sale for values from (0) to (5);
  create table sale_2 partition of sale for values from (5) to (10) partition by list (note);
  create table sale_2_a partition of sale_2 default;
  create table refers (id int);
  insert into sale select i, 'n' from generate_series(1, 9) i;`

describe('while a partitioned table is a backup', () => {
  const database = useDatabase()
  const feature = { name: 'sales', tables: ['sale'] }

  test('the report counts and seals it as one table', async () => {
    await asOwner(database(), SALE)
    const report = await removeFeature(database().db, feature)
    expect(report.counts).toEqual({ sale: 9 })
    expect(report.backups).toMatchObject([{ table: 'backup_sale', of: 'table sale', rows: 9 }])
    expect(report.backups[0]?.bytes).toBeGreaterThan(0)
    expect((await restoreFeature(database().db, feature)).retired).toEqual([{ backup: 'backup_sale', became: 'sale' }])
  })

  test.each([
    [
      'detached',
      'alter table backup_sale detach partition backup_sale_1',
      'backup_sale_1 is no partition or child of backup_sale any more',
    ],
    ['dropped', 'drop table backup_sale_2_a', 'backup_sale_2_a is no partition or child of backup_sale_2 any more'],
    ['renamed', 'alter table backup_sale_1 rename to other', 'other has become a partition or child of backup_sale'],
    [
      'new',
      'create table other partition of backup_sale for values from (20) to (30)',
      'other has become a partition or child of backup_sale',
    ],
    [
      'tied to a table that stays',
      'create table child () inherits (backup_refers)',
      'child has become a partition or child of backup_refers',
    ],
  ])('a partition that is %s keeps it from coming back', async (_, change, reason) => {
    await asOwner(database(), SALE)
    await removeFeature(database().db, { ...feature, tables: ['sale', 'refers'] })
    await asOwner(database(), change)
    const error = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
    expect(error.detail).toContain(reason)
  })

  test('a row that is changed in a partition keeps it from coming back', async () => {
    await asOwner(database(), SALE)
    await removeFeature(database().db, feature)
    await asOwner(database(), `update backup_sale_2_a set id = 8 where id = 9`)
    const error = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
    expect(error.detail).toContain('backup_sale: sealed as 9:')
  })

  test('a row may not be put into it by anybody else', async () => {
    await asOwner(database(), `${SALE} grant all on sale, sale_1 to crm_app`)
    await removeFeature(database().db, feature)
    const app = await database().connect('crm_app')
    await expect(app.query('select * from backup_sale')).rejects.toThrow(/permission denied/)
    await expect(app.query('delete from backup_sale_1')).rejects.toThrow(/permission denied/)
    await app.end()
  })
})

describe('locks of partitioned tables', () => {
  const database = useDatabase()
  const feature = { name: 'sales', tables: ['sale'] }

  test('are taken as clients take them: the table, its partitions, then what it refers to', async () => {
    await asOwner(
      database(),
      `create table kept (id int primary key) partition by list (id); create table kept_1 partition of kept default;
       ${SALE} alter table sale add foreign key (id) references kept not valid`
        .replace(' not valid', ';')
        .replace('insert into sale', 'insert into kept select generate_series(1, 9); insert into sale'),
    )
    const { locks } = await planRemoval(database().db, feature)
    expect(locks.cutOver.map((l) => l.relation.name)).toEqual([
      'sale',
      'sale_1',
      'sale_2',
      'sale_2_a',
      'kept',
      'kept_1',
    ])
    expect(locks.attach?.map((l) => l.relation.name)).toEqual([
      'sale',
      'sale_1',
      'sale_2',
      'sale_2_a',
      'kept',
      'kept_1',
    ])
  })

  test('whoever holds a partition is named, and nothing has changed', async () => {
    await asOwner(database(), SALE)
    const before = await readState(database(), { dump: false })
    const client = await database().connect()
    await client.query('begin; select * from sale_2_a')
    const error = await refusal('locked', removeFeature(database().db, feature, { lockTimeoutMs: 20, lockAttempts: 3 }))
    expect(error.detail).toMatch(/holds (public\.)?sale_2_a/)
    await client.query('rollback')
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed' })
  })

  test('of a foreign key wait outside: whoever holds a table keeps nobody else waiting', async () => {
    await asOwner(
      database(),
      `create table kept (id int primary key); insert into kept select generate_series(1, 9);
       ${SALE} alter table sale add constraint to_kept foreign key (id) references kept;`,
    )
    await removeFeature(database().db, feature)
    const client = await database().connect()
    const restored = restoreFeature(database().db, feature, {
      lockTimeoutMs: 20,
      lockAttempts: 200,
      onProgress: (event) => {
        // after the reveal, before the key is made one of the partitioned table
        if (event.type === 'phase started' && event.phase === 'validate') void client.query('begin; select * from kept')
        if (event.type === 'waiting' && event.attempt === 2) void client.query('commit')
      },
    })
    expect(await restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(
      await database().query(`select count(*)::int as n from pg_constraint where conname = 'to_kept' and convalidated`),
    ).toEqual([{ n: 4 }])
  })
})
