import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'
import { HEARTBEAT, useSubscriber } from '../../support/subscriber.ts'

const ITEM = `
  create table parent (id int primary key);
  create table item (id int primary key, parent_id int references parent on delete cascade, name text);
  insert into parent select generate_series(1, 10);
  insert into item select g, g, 'i' || g from generate_series(1, 10) g;
  ${HEARTBEAT}`
const FEATURE: FeatureDeclaration = { name: 'items', tables: ['item'] }

describe('subscribers of a moved table go on', () => {
  const publisher = useDatabase()
  const subscriber = useSubscriber(publisher)

  const begin = async () => {
    await asOwner(publisher(), `${ITEM} create publication news for table item, parent, heartbeat`)
    await asOwner(subscriber().database, ITEM)
    await subscriber().subscribe('news')
  }
  const expectEqual = async () => {
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    for (const table of ['item', 'parent']) {
      const rows = `select * from ${table} order by id`
      expect(await subscriber().database.query(rows)).toEqual(await publisher().query(rows))
    }
  }
  const write = (n: number) =>
    publisher().query(`
      insert into item values (${n}, 1, 'new');
      update item set name = name || '!' where id in (2, ${n});
      delete from item where id = ${n - 1}`)

  test('without it, and with it again', async () => {
    await begin()
    await write(100)
    await removeFeature(publisher().db, FEATURE)
    await publisher().query('insert into parent values (11)')
    await subscriber().caughtUp()
    expect(await restoreFeature(publisher().db, FEATURE)).toMatchObject({ outcome: 'restored', warnings: [] })
    await write(101)
    await expectEqual()
  })

  test('and see the rows go that are set aside because their parent went', async () => {
    await begin()
    await removeFeature(publisher().db, FEATURE)
    await publisher().query('delete from parent where id in (3, 4)')
    const report = await restoreFeature(publisher().db, FEATURE)
    expect(report.setAside).toMatchObject([{ table: 'item', rows: 2 }])
    await write(102)
    await expectEqual()
    expect(await subscriber().database.query('select from item where id in (3, 4)')).toEqual([])
  })

  test('after a subscription was refreshed meanwhile, once it is refreshed again', async () => {
    await begin()
    await removeFeature(publisher().db, FEATURE)
    await subscriber().alter('refresh publication with (copy_data = false)')
    await restoreFeature(publisher().db, FEATURE)
    await subscriber().alter('refresh publication with (copy_data = false)')
    await write(103)
    await expectEqual()
  })
})

describe('tables in publications, with pg_dump', () => {
  const database = useDatabase()

  test('without anything else', async () => {
    await asOwner(database(), `${ITEM} create publication news for table item, parent`)
    await expectRoundTrip(database(), FEATURE)
  })

  test('with options, in two publications', async () => {
    await asOwner(
      database(),
      `${ITEM} create publication news for table item with (publish = 'insert, truncate');
       create publication "old News" for table parent, item with (publish_via_partition_root = true)`,
    )
    await expectRoundTrip(database(), FEATURE)
  })
})
