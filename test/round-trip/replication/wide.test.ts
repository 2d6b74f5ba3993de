import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { refusal } from '../../support/refusal.ts'
import { asOwner, major } from '../../support/round-trip.ts'
import { HEARTBEAT, useSubscriber } from '../../support/subscriber.ts'

const ITEM = `create table item (id int primary key, name text); insert into item values (1, 'a'); ${HEARTBEAT}`
const FEATURE = { name: 'items', tables: ['item'] }

const wide = ['for all tables', ...(major() >= 15 ? ['for tables in schema public'] : [])]

describe('a subscriber of everything', () => {
  const publisher = useDatabase()
  const subscriber = useSubscriber(publisher)

  test.each(wide)('%s, goes over to a publication by name, and then goes on', async (what) => {
    await asOwner(publisher(), ITEM)
    await asOwner(subscriber().database, ITEM)
    await publisher().query(`create publication everything ${what}`)
    await subscriber().subscribe('everything')
    await refusal('not_restorable', removeFeature(publisher().db, FEATURE))

    await asOwner(publisher(), 'create publication named for table item, heartbeat')
    await subscriber().caughtUp()
    await subscriber().alter('set publication named with (copy_data = false)')
    await publisher().query('drop publication everything')
    await publisher().query(`insert into item values (2, 'b')`)
    await removeFeature(publisher().db, FEATURE)
    await subscriber().caughtUp()
    await restoreFeature(publisher().db, FEATURE)
    await publisher().query(`insert into item values (3, 'c'); update item set name = 'd' where id = 1`)
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    const rows = 'select * from item order by id'
    expect(await subscriber().database.query(rows)).toEqual(await publisher().query(rows))
  })
})
