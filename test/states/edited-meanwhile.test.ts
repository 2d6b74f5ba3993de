import { beforeEach, describe, expect, test } from 'vitest'
import { CamelCasePlugin } from 'kysely'
import { removeFeature, restoreFeature, type FeatureDeclaration } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { failAfter, killedAt } from './broken.ts'

const name = 'f'
const first = { name, columns: { t: ['a', 'b'] } }
const NO_LONGER_DECLARED = 'Removed, and no longer declared: column t.b.'
const STILL_THERE = 'Declared, and still there: column t.c.'
const EDITED: [string, FeatureDeclaration, string[]][] = [
  ['more', { name, columns: { t: ['a', 'b', 'c'] } }, [STILL_THERE]],
  ['less', { name, columns: { t: ['a'] } }, [NO_LONGER_DECLARED]],
  ['another', { name, columns: { t: ['a', 'c'] } }, [NO_LONGER_DECLARED, STILL_THERE]],
]

/** The pipeline is killed, the migration is corrected, and the pipeline runs again: Kysely then records the migration as it is by now. */
describe('a declaration that was edited since its run', () => {
  const database = useDatabase()
  beforeEach(() =>
    asOwner(
      database(),
      `create table t (id uuid primary key default gen_random_uuid(), a text, b text, c text); insert into t (a, b, c) values ('a', 'b', 'c')`,
    ),
  )

  const rows = async () =>
    (await database().query<{ row: object }>(`select to_jsonb(t) - 'id' as row from t`)).map(({ row }) => row)
  const remove = (declaration: FeatureDeclaration) => removeFeature(database().db, declaration)
  const killedAfterCutOver = (declaration: FeatureDeclaration = first, db = database().db) =>
    expect(removeFeature(db, declaration, killedAt(database(), ['phase done', 'cut over']))).rejects.toThrow()

  /** It is told what is not as it is declared by now, which can be had as the error says. */
  async function expectTold(edited: FeatureDeclaration, lines: readonly string[]): Promise<void> {
    const told = await refusal('wrong_state', remove(edited))
    expect(told.detail?.split('\n').slice(1)).toEqual(lines)
    // whatever had broken off was ended nevertheless
    const again = await refusedUnchanged(database(), 'wrong_state', () => remove(edited))
    expect(again.message).toBe(told.message)
    await restoreFeature(database().db, edited)
    expect(await rows()).toEqual([{ a: 'a', b: 'b', c: 'c' }])
    expect(await remove(edited)).toMatchObject({ outcome: 'removed' })
    const left = Object.entries({ a: 'a', b: 'b', c: 'c' }).filter(([column]) => !edited.columns?.t?.includes(column))
    expect(await rows()).toEqual([Object.fromEntries(left)])
  }

  test.each(EDITED)('after the cut-over, and declares %s', async (_, edited, lines) => {
    await killedAfterCutOver()
    await expectTold(edited, lines)
  })

  test.each(EDITED)('in a restore before its reveal, and declares %s', async (_, edited, lines) => {
    await remove(first)
    await expect(restoreFeature(database().db, first, failAfter('add'))).rejects.toThrow('of the caller')
    await expectTold(edited, lines)
  })

  test.each(EDITED)('that was complete, and declares %s', async (_, edited, lines) => {
    await remove(first)
    await expectTold(edited, lines)
  })

  test('is removed where what was removed is declared again', async () => {
    await killedAfterCutOver()
    await refusal('wrong_state', remove({ name, columns: { t: ['a'] } }))
    expect(await remove(first)).toMatchObject({ outcome: 'already removed' })
  })

  test('is told in a transaction, which takes nothing of the removal back', async () => {
    await killedAfterCutOver()
    const inTransaction = () =>
      database()
        .db.transaction()
        .execute((trx) => removeFeature(trx, { name, columns: { t: ['a'] } }))
    expect((await refusal('wrong_state', inTransaction())).detail).toContain(NO_LONGER_DECLARED)
    expect(await remove(first)).toMatchObject({ outcome: 'removed' })
  })

  test('is another feature where it declares nothing of what was removed', async () => {
    await killedAfterCutOver()
    const { message } = await refusal('wrong_state', remove({ name, columns: { t: ['c'] } }))
    expect(message).toContain('the name f is taken by another feature')
    expect(await rows()).toEqual([{ c: 'c' }])
  })
})

/** What is spelled otherwise is the same. */
describe('a declaration that was edited since its run, and means the same', () => {
  const database = useDatabase()
  const declared = {
    name,
    columns: { shop_orders: ['vip_since', 'vip_points'] },
    tables: ['vip_notes'],
    functions: ['vip_level(integer)'],
  } satisfies FeatureDeclaration
  const SAME: [string, FeatureDeclaration][] = [
    [
      'in another order, with schemas, counts and what it acknowledges',
      {
        ...{ name, functions: ['public.vip_level(int4)'], tables: ['public.vip_notes'] },
        columns: { 'public.shop_orders': ['vip_points', 'vip_since'] },
        counts: { notes: 'vip_notes' },
        acknowledge: { rewrites: { shop_orders: ['vip_points'] } },
        fill: { shop_orders: { vip_points: '0' } },
      },
    ],
    ['with what goes along by itself', { ...declared, indexes: ['vip_points_index'] }],
    ['with a function by its bare name', { ...declared, functions: ['vip_level'] }],
    [
      'by the names of an interface',
      {
        ...{ name, columns: { shopOrders: ['vipSince', 'vipPoints'] }, tables: ['vipNotes'] },
        functions: ['vipLevel(int)'],
      },
    ],
  ]
  beforeEach(() =>
    asOwner(
      database(),
      `create table shop_orders (id uuid primary key default gen_random_uuid(), vip_since date, vip_points int);
       create index vip_points_index on shop_orders (vip_points);
       create table vip_notes (id uuid primary key default gen_random_uuid());
       create function vip_level(int) returns int language sql return $1 + 1`,
    ),
  )
  const killed = (declaration: FeatureDeclaration, db = database().db) =>
    expect(removeFeature(db, declaration, killedAt(database(), ['phase done', 'cut over']))).rejects.toThrow()

  test.each(SAME)('is removed: %s', async (_, edited) => {
    await killed(declared)
    expect(await removeFeature(database().db, edited)).toMatchObject({ outcome: 'removed' })
  })

  test('is removed with a plugin that translates names, and without', async () => {
    const camelCase = () => database().db.withPlugin(new CamelCasePlugin())
    const [, byInterface] = SAME[3] ?? ['', declared]
    await killed(byInterface, camelCase())
    expect(await removeFeature(database().db, declared)).toMatchObject({ outcome: 'removed' })
    expect(await removeFeature(camelCase(), byInterface)).toMatchObject({ outcome: 'already removed' })
    expect(await removeFeature(camelCase(), declared)).toMatchObject({ outcome: 'already removed' })
  })

  test('is not the same with another function of the name', async () => {
    await asOwner(database(), `create function vip_level(text) returns int language sql return 1`)
    await killed(declared)
    const { detail } = await refusal(
      'wrong_state',
      removeFeature(database().db, { ...declared, functions: ['vip_level(text)'] }),
    )
    expect(detail).toContain('Removed, and no longer declared: function vip_level(integer).')
    expect(detail).toContain('Declared, and still there: function vip_level(text).')
  })
})
