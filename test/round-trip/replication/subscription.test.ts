import { describe, expect, test } from 'vitest'
import { removeFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { refusal } from '../../support/refusal.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'
import { HEARTBEAT, useSubscriber } from '../../support/subscriber.ts'

const OTHER = `create table other (id int primary key, name text); ${HEARTBEAT}`
const HERE = `
  create table host (id int primary key, gone text);
  create table item (id int primary key);
  insert into host values (1, 'a');`

describe('a database that is a subscriber itself', () => {
  const publisher = useDatabase()
  const subscriber = useSubscriber(publisher)

  test('keeps its subscription where the feature is in other tables', async () => {
    await asOwner(publisher(), `${OTHER} create publication news for table other, heartbeat`)
    const { database } = subscriber()
    await asOwner(database, `${OTHER} ${HERE}`)
    await subscriber().subscribe('news')
    await publisher().query(`insert into other values (1, 'a')`)
    await subscriber().caughtUp()
    await expectRoundTrip(database, { name: 'f', columns: { host: ['gone'] }, tables: ['item'] })
    await publisher().query(`insert into other values (2, 'b')`)
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
    expect(await database.query('select * from other order by id')).toHaveLength(2)
  })

  test('keeps the tables that it is sent', async () => {
    await asOwner(publisher(), `${OTHER} create publication news for table other, heartbeat`)
    const { database } = subscriber()
    await asOwner(database, OTHER)
    await subscriber().subscribe('news')
    for (const feature of [{ tables: ['other'] }, { columns: { other: ['name'] } }]) {
      const error = await refusal('not_restorable', removeFeature(database.db, { name: 'f', ...feature }))
      expect(error.detail).toMatch(/other is filled by subscription unship_\w+, which would break/)
    }
    await subscriber().caughtUp()
    await subscriber().expectNoErrors()
  })
})
