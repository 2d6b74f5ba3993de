import { beforeEach, describe, expect, test } from 'vitest'
import { checkHealth, removeFeature, restoreFeature } from 'kysely-unship'
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

describe('a restore that needs what a feature that was removed since has taken', () => {
  const database = useDatabase()
  const db = () => database().db
  const LATER = 'second was removed since: it may have to be restored first.'
  const HINT = /^Where a feature that was removed since took it, restore that first; else: /
  beforeEach(() =>
    asOwner(
      database(),
      `create table p (id int primary key, note text); create table c (id int primary key, p int references p);
       insert into p values (1, 'n'); insert into c values (1, 1)`,
    ),
  )

  test.each([
    ['a parent', 'not_restorable', { name: 'first', tables: ['c'] }, ['p']],
    ['the table of its columns', 'host_table_missing', { name: 'first', columns: { p: ['note'] } }, ['p', 'c']],
  ] as const)('%s: names it, and goes on when that is restored', async (_, code, first, tables) => {
    const second = { name: 'second', tables: [...tables] }
    const before = await readState(database(), { dump: false })
    await removeFeature(db(), first)
    await removeFeature(db(), second)
    const error = await refusedUnchanged(database(), code, () => restoreFeature(db(), first))
    expect(error.detail).toContain(`\n${LATER}`)
    expect(error.hint).toMatch(HINT)
    await restoreFeature(db(), second)
    expect(await restoreFeature(db(), first)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('is told of once by verify', async () => {
    await removeFeature(db(), { name: 'first', tables: ['c'] })
    await removeFeature(db(), { name: 'second', tables: ['p'] })
    const checks = await checkHealth(db())
    const found = checks.flatMap((c) => (c.feature === 'first' && c.result === 'note' ? c.found : []))
    expect(found.filter((line) => line.startsWith('second was removed since'))).toEqual([LATER.slice(0, -1)])
  })

  test('says nothing of features that were removed before, or are back', async () => {
    await asOwner(database(), 'create table x (id int); create table y (id int)')
    await removeFeature(db(), { name: 'earlier', tables: ['x'] })
    await removeFeature(db(), { name: 'first', tables: ['c'] })
    await removeFeature(db(), { name: 'back', tables: ['y'] })
    await restoreFeature(db(), { name: 'back', tables: ['y'] })
    await asOwner(database(), 'drop table p')
    const { detail, hint } = await refusedUnchanged(database(), 'not_restorable', () =>
      restoreFeature(db(), { name: 'first', tables: ['c'] }),
    )
    expect(detail).not.toContain('removed since')
    expect(hint).toMatch(/^Create it again/)
  })
})
