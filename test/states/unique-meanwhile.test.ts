import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('a unique index over what is the same in all rows that are inserted meanwhile', () => {
  const database = useDatabase()
  const feature = { name: 'pay', columns: { contacts: ['pay', 'main'] }, indexes: ['once'] }
  const withIndex = (index: string) =>
    asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text, main boolean not null default false);
       insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 50) n;
       create unique index once on contacts ${index}`,
    )

  test.each([
    `(coalesce(pay, ''))`,
    `(coalesce(pay, ''), main)`,
    `((pay is null)) where id > 1000`,
    `(coalesce(pay, '')) where name <> 'x' and pay is null`,
    `(main) where id > 1000`,
    `(main) where not main and id > 1000`,
  ])('is refused: %s', async (index) => {
    await withIndex(index)
    const { detail } = await refusedUnchanged(database(), 'not_restorable', () => removeFeature(database().db, feature))
    expect(detail).toBe('rows inserted meanwhile could not satisfy unique index once: they all get the same default.')
  })

  test.each([
    '(lower(pay))',
    '(id, coalesce(pay, name))',
    `(coalesce(pay, ''), name)`,
    '(main) where main',
    `(coalesce(pay, name)) where pay is not null`,
    `((main::text || 'x')) where main and id > 0`,
  ])('fails no insert while the restore is under way: %s', async (index) => {
    await withIndex(index)
    await removeFeature(database().db, feature)
    const { outcome } = await actingBefore(
      database(),
      'phase verify',
      () => asOwner(database(), `insert into contacts (id, name) values (1001, 'new'), (1002, 'newer')`),
      (db) => restoreFeature(db, feature),
    )
    expect(outcome).toBe('restored')
  })
})
