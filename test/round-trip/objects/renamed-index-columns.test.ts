import { expect, test } from 'vitest'
import { sameDefinition } from '../../../src/catalog/describe.ts'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip } from '../../support/round-trip.ts'

const database = useDatabase()

// its own columns keep the names that they had when it was made
test('an index of columns that were renamed since comes back without a warning', async () => {
  await asOwner(
    database(),
    `create table item (id int primary key, kind text); create materialized view kinds as select id, kind from item;
     create index on kinds (kind, lower(kind)); alter index kinds_kind_lower_idx alter column 2 set statistics 50;
     alter materialized view kinds rename column kind to sort;
     create index item_kind on item (kind); alter table item rename column kind to sort`,
  )
  await expectRoundTrip(database(), { name: 'kinds', views: ['kinds'], indexes: ['item_kind'] })
})

test('ledgers of earlier versions, which name those columns, say the same; targets count', () => {
  const before = { definition: 'CREATE INDEX', columns: [['kind', -1]] }
  expect(sameDefinition(before, { definition: 'CREATE INDEX', targets: [-1] })).toBe(true)
  expect(sameDefinition(before, { definition: 'CREATE INDEX', targets: [50] })).toBe(false)
})
