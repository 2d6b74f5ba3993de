import { beforeEach, describe, expect, test } from 'vitest'
import { archiveBackups, planRemoval, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

describe('what keeps another feature', () => {
  const database = useDatabase()
  const first = { name: 'first', tables: ['item'], columns: { host: ['gone'] } }
  beforeEach(async () => {
    await asOwner(
      database(),
      `create type mood as enum ('fine'); create table item (id int primary key, mood mood);
       create table host (id int primary key, kept text, gone int); insert into item values (1, 'fine'); insert into host values (1, 'a', 1)`,
    )
    await removeFeature(database().db, first)
  })

  const refused = async (declared: Omit<FeatureDeclaration, 'name'>) => {
    const feature = { name: 'second', ...declared }
    const error = await refusedUnchanged(database(), 'not_restorable', () => removeFeature(database().db, feature))
    expect(error.suggestion).toBeUndefined()
    expect(
      (await refusedUnchanged(database(), 'not_restorable', () => planRemoval(database().db, feature))).detail,
    ).toBe(error.detail)
    return error.detail
  }

  test.each([
    ['a moved table', { tables: ['backup_item'] }, 'table backup_item is a backup of feature first.'],
    ['of columns', { tables: ['backup_first_host'] }, 'table backup_first_host is a backup of feature first.'],
    ['a column of it', { columns: { backup_item: ['mood'] } }, 'table backup_item is a backup of feature first.'],
    ['the ledger', { tables: ['unship.events'] }, 'table unship.events belongs to kysely-unship.'],
  ])('is not taken: %s', async (_, feature, reason) => {
    expect(await refused(feature)).toBe(reason)
  })

  test('is not suggested', async () => {
    expect(await refused({ types: ['mood'] })).toContain('table backup_item is a backup of feature first.')
  })

  test('nor is it in the archive', async () => {
    const { archived } = await archiveBackups(database().db, first)
    for (const { archive } of archived)
      expect(await refused({ tables: [archive] })).toBe(`table ${archive} is a backup of feature first.`)
  })

  test.each(['with blanks', 'a; b', 'a on 2026-01-01'])(
    'nor is it under another name of the feature: %s',
    async (name) => {
      await asOwner(database(), 'create table thing (id int primary key); insert into thing values (1)')
      const other = { name, tables: ['thing'] }
      await removeFeature(database().db, other)
      const { archived } = await archiveBackups(database().db, other)
      for (const { archive } of archived)
        expect(await refused({ tables: [archive] })).toBe(`table ${archive} is a backup of feature ${name}.`)
    },
  )

  test('a table that has such a name is not one', async () => {
    await restoreFeature(database().db, first)
    await asOwner(database(), 'create table backup_item (id int primary key)')
    const feature = { name: 'second', tables: ['backup_item'] }
    expect(await removeFeature(database().db, feature)).toMatchObject({ outcome: 'removed' })
  })
})
