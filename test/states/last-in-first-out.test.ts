import { beforeEach, describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('what names columns by their place, with the last feature removed restored first', () => {
  const database = useDatabase()
  const db = () => database().db
  const d = { name: 'd', columns: { h: ['d'] }, views: ['v'] }
  const c = { name: 'c', columns: { h: ['c'] } }
  const b = { name: 'b', columns: { h: ['b'] } }
  beforeEach(() =>
    asOwner(
      database(),
      `create table h (id int primary key, b text, c text, d text); insert into h values (1, 'b1', 'c1', 'd1');
       create view v as select x.four from h x(one, two, three, four)`,
    ),
  )
  const refused = async () => {
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(db(), d))
    expect(error.detail).toBe('view v names columns of h by their place, and columns were added to it since.')
  }

  test('comes back', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(db(), d)
    await removeFeature(db(), c)
    await removeFeature(db(), b)
    await restoreFeature(db(), b)
    await refused()
    await removeFeature(db(), b)
    await restoreFeature(db(), b)
    await restoreFeature(db(), c)
    expect(await restoreFeature(db(), d)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('does not where the columns are in another order', async () => {
    await removeFeature(db(), d)
    await removeFeature(db(), b)
    await restoreFeature(db(), b)
    await refused()
  })

  test('nor where one was added by somebody else', async () => {
    await removeFeature(db(), d)
    await removeFeature(db(), c)
    await asOwner(database(), 'alter table h add c text')
    await refused()
  })

  test('nor where a ledger does not tell their order', async () => {
    await removeFeature(db(), d)
    await removeFeature(db(), c)
    await restoreFeature(db(), c)
    await database().query(`update unship.runs set plan = plan #- '{sources,0,columns}'`)
    await refused()
  })
})
