import { describe, expect, test } from 'vitest'
import { planRemoval, removeFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { refusedUnchanged } from '../../support/refusal.ts'
import { asOwner } from '../../support/round-trip.ts'

const FOREIGN = 'create foreign data wrapper w; create server s foreign data wrapper w;'

describe('trees of tables that could not be restored exactly are refused', () => {
  const database = useDatabase()
  const feature = { name: 'items', tables: ['item'] }

  test('a partition that belongs to somebody else', async () => {
    await asOwner(
      database(),
      'create table item (id int) partition by list (id); create table part partition of item default',
    )
    await database().query('alter table part owner to crm_app')
    const refusal = await refusedUnchanged(database(), 'not_owner', () => removeFeature(database().db, feature))
    expect(refusal.detail).toBe('table part belongs to crm_app.')
  })

  test.each([
    [
      `create table item (id int) partition by list (id); create foreign table part partition of item default server s`,
      'relation part is a foreign table',
    ],
    [
      `create table item (id int); create foreign table part () inherits (item) server s`,
      'foreign table public.part: this kind of object cannot be restored',
    ],
  ])('a foreign table in it: %s', async (create, reason) => {
    await database().query(`${FOREIGN} ${create}`)
    // no wrapper would read its rows: nothing but the plan is asked for
    await expect(planRemoval(database().admin, feature)).rejects.toMatchObject({
      code: 'not_restorable',
      detail: expect.stringContaining(reason) as unknown,
    })
  })
})
