import { Kysely, PostgresDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import {
  abortRemoval,
  abortRestore,
  archiveBackups,
  checkHealth,
  planRemoval,
  purgeKept,
  readStatus,
  removeFeature,
  restoreFeature,
  reviewRemoval,
  reviewRestore,
  type FeatureDeclaration,
} from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

/** Of plain JavaScript, JSON, or a spread of a feature: nobody has checked it. */
const plain = (declaration: object) => declaration as FeatureDeclaration

describe('a declaration that defineFeature would refuse, before anything is asked of the database', () => {
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: () => Promise.reject(new Error('the database was asked')) }),
  })
  const planning = { removeFeature, planRemoval, reviewRemoval }
  const others = {
    ...{ restoreFeature, reviewRestore, abortRemoval, abortRestore },
    readStatus: (_: typeof db, feature: FeatureDeclaration) => readStatus(_, [feature]),
    checkHealth: (_: typeof db, feature: FeatureDeclaration) => checkHealth(_, [feature]),
  }
  const refuses = async (
    calls: Readonly<Record<string, (on: typeof db, f: never) => Promise<unknown>>>,
    given: object,
  ) => {
    for (const call of Object.values(calls)) await refusalOf(call(db, given as never))
  }
  const refusalOf = async (call: Promise<unknown>) => {
    const code = await call.then(
      () => 'nothing',
      (error: unknown) => (error as { code?: string }).code ?? error,
    )
    expect(code).toBe('invalid_declaration')
  }

  test.each<[string, object]>([
    ['a misspelt field', { name: 'f', columns: { h: ['a'] }, table: ['t'] }],
    ['letters for a list', { name: 'f', columns: { h: 'ab' } }],
    ['a table twice', { name: 'f', tables: ['t', 'public.t'] }],
    ['a host table twice', { name: 'f', columns: { h: ['a'], 'public.h': ['b'] } }],
    ['a column twice', { name: 'f', columns: { h: ['a', 'a'] } }],
    ['a name that is none', { name: 7, tables: ['t'] }],
    ['no name', { tables: ['t'] }],
    ['NUL in the name', { name: 'f\0', tables: ['t'] }],
    ['a Set', { name: 'f', tables: new Set(['t']) }],
    ['a Map beside a table', { name: 'f', tables: ['t'], columns: new Map([['h', ['a']]]) }],
    ['a Map by column', { name: 'f', tables: ['t'], fill: { h: new Map([['a', '1']]) } }],
    ['a Set of acknowledgements', { name: 'f', tables: ['t'], acknowledge: new Set(['rewrites']) }],
    ['a list with a gap', { name: 'f', tables: Object.assign(['t'], { length: 2 }) }],
    ['a String', { name: 'f', tables: [new String('t')] }],
    ['a list of features', []],
    ['a table that stays and goes', { name: 'f', tables: ['h'], columns: { h: ['a'] } }],
  ])('%s', async (_, declaration) => {
    await refuses({ ...planning, ...others }, declaration)
  })

  test('nothing to remove', async () => {
    await refuses(planning, { name: 'f' })
    await refuses(planning, { name: 'f', columns: { h: [] } })
  })

  test('a name that is none, where no more is asked', async () => {
    await refuses({ archiveBackups, purgeKept }, { name: 7 })
  })
})

describe('a plain declaration', () => {
  const database = useDatabase()
  const create = () =>
    asOwner(database(), 'create table h (id uuid primary key, a int, b int); create table t (id int)')
  const recorded = () =>
    database().query(`select declaration from unship.runs where declaration is not null order by id`)

  test('that answers otherwise when it is asked again is run and recorded as it was checked', async () => {
    await create()
    let asked = 0
    const columns = {
      get h() {
        return [asked++ === 0 ? 'a' : 'b']
      },
    }
    await removeFeature(database().db, { name: 'f', columns })
    expect(await recorded()).toEqual([{ declaration: { name: 'f', columns: { h: ['a'] } } }])
    expect(await columnsOfHost()).toEqual(['id', 'b'])
  })

  test('that is changed meanwhile is run and recorded as it was given', async () => {
    await create()
    const tables = ['t']
    await removeFeature(database().db, { name: 'f', tables }, { onProgress: () => void tables.push('h') })
    expect(await recorded()).toEqual([{ declaration: { name: 'f', tables: ['t'] } }])
    expect(await columnsOfHost()).toEqual(['id', 'a', 'b'])
  })

  test('of a class may inherit what it declares', async () => {
    await create()
    class Declared {
      readonly name = 'f'
      get tables() {
        return ['t']
      }
    }
    await removeFeature(database().db, new Declared())
    expect(await recorded()).toEqual([{ declaration: { name: 'f', tables: ['t'] } }])
  })

  test('may be its name alone where the ledger knows the rest', async () => {
    await create()
    await removeFeature(database().db, { name: 'f', tables: ['t'] })
    const named = { name: 'f' }
    expect(await reviewRestore(database().db, named)).toMatchObject({ from: 'ledger' })
    expect((await checkHealth(database().db, [named])).filter(({ result }) => result !== 'ok')).toEqual([])
    await refusal('nothing_to_abort', abortRemoval(database().db, named))
    expect(await restoreFeature(database().db, named)).toMatchObject({ outcome: 'restored' })
  })

  test('whose key is __proto__ names a table like any other', async () => {
    await asOwner(database(), 'create table "__proto__" (id int primary key, a int)')
    await removeFeature(database().db, plain(JSON.parse('{"name":"f","columns":{"__proto__":["a"]}}') as object))
    expect(await restoreFeature(database().db, { name: 'f' })).toMatchObject({ outcome: 'restored' })
  })

  const columnsOfHost = async () =>
    (
      await database().query<{ name: string }>(
        `select attname as name from pg_attribute where attrelid = 'h'::regclass and attnum > 0 and not attisdropped order by attnum`,
      )
    ).map(({ name }) => name)
})
