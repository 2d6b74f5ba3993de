import { beforeEach, describe, expect, test } from 'vitest'
import { abortRemoval, removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { failAfter, killedAt } from './broken.ts'

describe('a second feature, while the run of a first one has broken off', () => {
  const database = useDatabase()
  const db = () => database().db
  const state = () => readState(database(), { dump: false })
  const pay = { name: 'pay', columns: { contacts: ['pay'] } }
  beforeEach(() =>
    asOwner(
      database(),
      `create table contacts (id int primary key, name text, pay text, note text);
       insert into contacts select n, 'n' || n, 'pay ' || n, 'note ' || n from generate_series(1, 5) n;
       create function touch_fn() returns trigger language plpgsql as 'begin new.name := new.name || ''!''; return new; end';
       create trigger touch before update on contacts for each row execute function touch_fn()`,
    ),
  )
  const refused = async (feature: FeatureDeclaration) => {
    const error = await refusedUnchanged(database(), 'not_restorable', () => removeFeature(db(), feature))
    expect(error.suggestion).toBeUndefined()
    expect(error.hint).toMatch(/^Run the same command of that feature again to finish it, or unship abort/)
    return error.detail
  }

  test.each<[string, Omit<FeatureDeclaration, 'name'>]>([
    ['its trigger', { triggers: { contacts: ['touch'] } }],
    ['the function of its trigger', { functions: ['touch_fn'] }],
    ['its trigger and function', { triggers: { contacts: ['touch'] }, functions: ['touch_fn'] }],
    [
      'what stands in for the trigger',
      { triggers: { contacts: ['touch', 'unship_hidden_touch'] }, functions: ['touch_fn'] },
    ],
    ['a column', { columns: { contacts: ['note'] } }],
    ['the table', { tables: ['contacts'] }],
  ])('a restore into the table, of which %s goes: it is refused', async (_, declared) => {
    const before = await state()
    const touching = { name: 'touching', ...declared }
    await removeFeature(db(), pay)
    await expect(restoreFeature(db(), pay, failAfter('fill'))).rejects.toThrow('of the caller')
    expect(await refused(touching)).toBe(
      'A restore of feature pay (run 2) into contacts is under way, or has broken off: it has to end first.',
    )
    await restoreFeature(db(), pay)
    expect(await state()).toEqual(before)
  })

  test('a restore into one table: others are removed', async () => {
    await asOwner(
      database(),
      'create table other (id int primary key); create trigger touch before update on other for each row execute function touch_fn()',
    )
    await removeFeature(db(), pay)
    const before = await state()
    await expect(restoreFeature(db(), pay, failAfter('fill'))).rejects.toThrow('of the caller')
    const other = { name: 'other', triggers: { other: ['touch'] } }
    expect(await removeFeature(db(), other)).toMatchObject({ outcome: 'removed' })
    await restoreFeature(db(), other)
    await removeFeature(db(), pay)
    expect(await state()).toEqual(before)
  })

  const broken = () =>
    refusal('server_unreachable', removeFeature(db(), pay, killedAt(database(), ['phase done', 'copy'])))

  test.each<[string, Omit<FeatureDeclaration, 'name'>, string]>([
    ['the same column', { columns: { contacts: ['note', 'pay'] } }, 'column pay of contacts'],
    ['the whole table', { tables: ['contacts'] }, 'contacts'],
  ])('a removal that watches the table, of which %s goes: it is refused', async (_, declared, what) => {
    await broken()
    expect(await refused({ name: 'other', ...declared })).toBe(
      `A removal of feature pay (run 1) watches ${what}: it has to end first.`,
    )
    await abortRemoval(db(), pay)
    expect(await removeFeature(db(), { name: 'other', ...declared })).toMatchObject({ outcome: 'removed' })
  })

  test("a removal that watches other columns of the table is in nobody's way", async () => {
    const before = await state()
    await broken()
    const note = { name: 'note', columns: { contacts: ['note'] } }
    expect(await removeFeature(db(), note)).toMatchObject({ outcome: 'removed' })
    await restoreFeature(db(), note)
    await abortRemoval(db(), pay)
    expect((await state()).rows).toEqual(before.rows)
  })
})
