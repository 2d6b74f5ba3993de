import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRefusal } from '../../support/round-trip.ts'

describe('what could not be restored exactly is refused', () => {
  const database = useDatabase()

  test.each([
    [
      'a partition',
      `create table whole (id int) partition by list (id); create table item partition of whole default`,
      'is a partition',
    ],
    ['a child', `create table parent (id int); create table item () inherits (parent)`, 'inherits from'],
    ['a parent', `create table item (id int); create table child () inherits (item)`, 'inherit'],
    [
      'a table that another is typed by',
      `create table item (id int); create view other as select item from item`,
      'other',
    ],
    ['a column of its row type', `create table item (id int); create table other (i item)`, 'other'],
    [
      'a cast',
      `create table item (id int); create function to_int(item) returns int language sql as 'select 1';
       create cast (item as int) with function to_int(item)`,
      'cast from',
    ],
    [
      'an operator',
      `create table item (id int); create function same(item, item) returns boolean language sql as 'select true';
       create operator === (leftarg = item, rightarg = item, function = same)`,
      'operator',
    ],
  ])('%s', async (_, create, reason) => {
    await asOwner(database(), create)
    const refusal = await expectRefusal(database(), { name: 'items', tables: ['item'] })
    expect(['not_restorable', 'undeclared_dependents']).toContain(refusal.code)
    expect(refusal.detail).toContain(reason)
  })

  test('a backup name that a function has already', async () => {
    await asOwner(
      database(),
      `create aggregate sums(int) (sfunc = int4pl, stype = int); create function backup_sums(int) returns int language sql as 'select 1';`,
    )
    expect(await expectRefusal(database(), { name: 'items', functions: ['sums'] })).toMatchObject({
      code: 'backup_exists',
    })
  })
})
