import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner, expectRefusal } from '../support/round-trip.ts'

describe('a default that its column does not take, and no row ever used', () => {
  const database = useDatabase()
  const feature = { name: 'f', columns: { host: ['gone'] } }
  const create = (column: string) =>
    asOwner(database(), `create table host (id int primary key, gone ${column}); insert into host values (1, null)`)

  test.each([`varchar(3) default 'abcdef'`, `char(1) default 'NO'`, `bit(2) default B'111'`])(
    'is refused: %s',
    async (column) => {
      await create(column)
      const error = await expectRefusal(database(), feature)
      expect(error.detail).toContain('the default of column host.gone is none that the column takes')
    },
  )

  test.each([`varchar(3) default 'abc   '`, `numeric(3, 1) default 1.25`, `char(3) default 'a'`])(
    'unless assigning changes it: %s',
    async (column) => {
      await create(column)
      await removeFeature(database().db, feature)
      expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    },
  )
})
