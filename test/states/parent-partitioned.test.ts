import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

describe('the table that a foreign key refers to is replaced while the feature is away', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)

  const IN_PARTITIONS = `create table parents (id int primary key) partition by range (id);
    create table parents_1 partition of parents for values from (0) to (3); create table parents_2 partition of parents for values from (3) to (100);
    insert into parents select generate_series(1, 5)`
  const CHILDREN = `create table children (id int primary key, parent int references parents on delete cascade); insert into children select n, n from generate_series(1, 5) n`

  const moved = { name: 'f', tables: ['children'] }

  test('a partition of it may go', async () => {
    await owner(`${IN_PARTITIONS}; ${CHILDREN}`)
    await removeFeature(database().db, moved)
    await owner('drop table parents_1')
    expect(await restoreFeature(database().db, moved)).toMatchObject({ outcome: 'restored', setAside: [{ rows: 2 }] })
  })
})
