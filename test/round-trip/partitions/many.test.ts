import { expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { readSnapshot } from '../../../src/catalog/snapshot.ts'
import { locksNeeded } from '../../../src/plan/review/lock-table.ts'
import { Model } from '../../../src/plan/model.ts'
import { planFromSnapshot } from '../../../src/plan/removal.ts'
import { useDatabase } from '../../support/database.ts'
import { asOwner } from '../../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'sales', tables: ['sale'], constraints: { refers: ['refers_id_fkey'] } }

/** A table with so many partitions, with two indexes and a foreign key each, and a key from elsewhere to each. */
const manyPartitions = (count: number) =>
  asOwner(
    database(),
    `create table kept (id int primary key);
     create table sale (id int primary key, kept int references kept) partition by list (id);
     create index on sale (kept);
     do $$ begin for i in 1..${String(count)} loop execute format('create table sale_%s partition of sale for values in (%1$s)', i); end loop; end $$;
     create table refers (id int references sale);
     insert into kept values (1); insert into sale values (1, 1), (2, 1); insert into refers values (2);`,
  )

test('more than a hundred partitions are moved, and told of', { timeout: 120_000 }, async () => {
  await manyPartitions(120)
  const removal = await removeFeature(database().db, feature)
  expect(removal.warnings).toEqual([expect.stringContaining('sale has 120 partitions, all renamed in one transaction')])
  expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
})

test('the locks of the cut-over are no more than was reckoned, and refused where the server has no room', async () => {
  await manyPartitions(30)
  const snapshot = await readSnapshot(database().db, feature, database().db)
  const needed = locksNeeded(new Model(snapshot, feature))
  const small = { ...snapshot, environment: { ...snapshot.environment, lock_slots: needed - 1 } }
  expect(() => planFromSnapshot(small, feature)).toThrow(
    expect.objectContaining({
      code: 'lock_table_too_small',
      hint: expect.stringContaining('max_locks_per_transaction') as unknown,
    }) as Error,
  )
  const plan = planFromSnapshot(snapshot, feature)
  const client = await database().connect()
  await client.query('begin')
  const held = async () => {
    const { rows } = await client.query<{ n: number }>(
      `select count(*)::int as n from pg_locks where pid = pg_backend_pid() and not fastpath and locktype in ('relation', 'object')`,
    )
    return rows[0]?.n ?? 0
  }
  for (const { sql } of plan.locks.cutOver) await client.query(sql)
  for (const { phase, sql } of plan.removal) if (phase === 'cut over') await client.query(sql)
  expect(await held()).toBeGreaterThan(100)
  // and a few on catalogs
  expect(await held()).toBeLessThan(needed + 20)
  await client.query('rollback')
})
