import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { actingBefore } from '../../support/interleave.ts'
import { readState } from '../../support/life.ts'
import { refusedUnchanged } from '../../support/refusal.ts'
import { asOwner, major } from '../../support/round-trip.ts'

const SETUP = `
  create table host (id int primary key, gone text);
  create table item (id int primary key, name text);
  insert into host select g, 'g' || g from generate_series(1, 20) g;
  insert into item values (1, 'a');`
const FEATURE = { name: 'f', columns: { host: ['gone'] }, tables: ['item'] }

describe('publications that change while a command runs', () => {
  const database = useDatabase()

  test.each(['host', 'item'])('%s, taken in between the plan and the cut-over', async (table) => {
    await asOwner(database(), SETUP)
    const before = await readState(database())
    const owner = await database().connect()
    let published: Promise<unknown> | undefined
    const wait = await database().connect()
    await wait.query('begin; lock table item in access share mode')
    const onProgress = (event: ProgressEvent) => {
      if (event.type !== 'waiting') return
      published ??= owner.query(`create publication news for table ${table}`).then(() => wait.query('commit'))
    }
    const error: unknown = await removeFeature(database().db, FEATURE, { onProgress }).catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'plan_changed',
      primary: 'tables of feature f have entered or left publications since the run was planned',
      detail: `Publication news, of public.${table}.`,
    })
    await published
    await owner.query('drop publication news')
    expect(await readState(database())).toEqual(before)
    expect((await removeFeature(database().db, FEATURE)).outcome).toBe('removed')
  })

  test('a host table, taken in between the plan of the restore and its first change', async () => {
    await asOwner(database(), SETUP)
    const before = await readState(database())
    await removeFeature(database().db, FEATURE)
    const owner = await database().connect()
    const wait = await database().connect()
    await wait.query('begin; lock table host in access share mode')
    let published: Promise<unknown> | undefined
    const onProgress = (event: ProgressEvent) => {
      if (event.type !== 'waiting') return
      published ??= owner.query('create publication news for table host').then(() => wait.query('commit'))
    }
    await expect(restoreFeature(database().db, FEATURE, { onProgress })).rejects.toMatchObject({ code: 'plan_changed' })
    await published
    if (major() < 15) await owner.query('drop publication news')
    expect((await restoreFeature(database().db, FEATURE)).outcome).toBe('restored')
    await owner.query('drop publication if exists news')
    expect((await readState(database())).definitions).toEqual(before.definitions)
  })
})

describe.runIf(major() >= 15)('a publication that is altered while a restore fills', () => {
  const database = useDatabase()

  test.each([
    // names its tables anew, without the column lists that hide what fills
    ['alter publication news set table host, item', [/^publication news has come to send hidden columns of host /]],
    ['alter publication news add table item', []],
    ['create publication all_of_it for table host', [/^publication all_of_it has come to send/]],
  ])('%s', async (alter, told) => {
    await asOwner(database(), SETUP)
    await asOwner(database(), 'create publication news for table host')
    const columns = { name: 'f', columns: { host: ['gone'] } }
    await removeFeature(database().db, columns)
    const act = () => asOwner(database(), alter)
    const { outcome, warnings } = await actingBefore(database(), 'with filled as', act, (db) =>
      restoreFeature(db, columns),
    )
    expect(outcome).toBe('restored')
    expect(warnings).toEqual(told.map((text) => expect.stringMatching(text) as string))
  })
})

describe('publications that a restore meets', () => {
  const database = useDatabase()
  const restored = () => restoreFeature(database().db, FEATURE)

  test('of a backup are refused until it is taken out', async () => {
    await asOwner(database(), SETUP)
    await removeFeature(database().db, FEATURE)
    await asOwner(database(), 'create publication news for table backup_item')
    const error = await refusedUnchanged(database(), 'not_restorable', restored)
    expect(error.detail).toBe('publication news publishes public.backup_item: take it out first.')
    await asOwner(database(), 'alter publication news drop table backup_item')
    expect((await restored()).outcome).toBe('restored')
  })

  test('of all tables are refused, and nothing is written to the ledger', async () => {
    await asOwner(database(), SETUP)
    await removeFeature(database().db, FEATURE)
    await database().query('create publication news for all tables')
    const error = await refusedUnchanged(database(), 'not_restorable', restored)
    expect(error.detail).toContain('publication news would publish the backups')
    expect(error.hint).toContain('FOR TABLE')
    await database().query('drop publication news')
    expect((await restored()).outcome).toBe('restored')
  })

  test('of all tables are refused even where there is nothing to remove: the ledger would be sent', async () => {
    await asOwner(database(), 'create table host (id int primary key)')
    await database().query('create publication news for all tables')
    const error = await refusedUnchanged(database(), 'not_restorable', () => removeFeature(database().db, FEATURE))
    expect(error.detail).toContain('the ledger: it is for all tables')
  })
})
