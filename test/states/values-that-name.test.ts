import { describe, expect, test } from 'vitest'
import {
  archiveBackups,
  checkHealth,
  removeFeature,
  restoreFeature,
  type FeatureDeclaration,
  type ProgressEvent,
} from 'kysely-unship'
import { connectAs } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner, expectRefusal } from '../support/round-trip.ts'

const database = useDatabase()
const log = { name: 'log', tables: ['log'] }
const problems = async () => (await checkHealth(database().db)).filter(({ result }) => result === 'problem')
const removed = async () => (await removeFeature(database().db, log)).outcome
const restored = async () => (await restoreFeature(database().db, log)).outcome
const namesOf = () => database().query('select id, names::text from log order by id')

describe('removed columns whose values name what goes with them', () => {
  const table = { name: 'f', tables: ['log'], columns: { host: ['names'] } }
  const routine = { name: 'f', functions: ['handler'], columns: { host: ['names'] } }

  test('a table: are backed up as they are, and come back', async () => {
    await asOwner(
      database(),
      `create table log (id int primary key); create table host (id int primary key, names regclass); insert into host values (1, 'log')`,
    )
    expect((await removeFeature(database().db, table)).outcome).toBe('removed')
    expect((await restoreFeature(database().db, table)).outcome).toBe('restored')
    expect(await database().query('select names::text from host')).toEqual([{ names: 'log' }])
  })

  const refusedFor = async (feature: FeatureDeclaration, reason: string) => {
    const error = await expectRefusal(database(), feature)
    expect(error).toMatchObject({ code: 'not_restorable' })
    expect(error.detail?.replaceAll('public.', '')).toBe(
      `values of ${reason} by an identifier, which is another one after the restore: they would come back and name nothing.`,
    )
    expect(error.hint).toContain('Keep such names as text')
  }

  test('a function, which is another one when it comes back: is refused, and passes as text', async () => {
    await asOwner(
      database(),
      `create function handler() returns int language sql as 'select 1';
       create table host (id int primary key, names regprocedure); insert into host values (1, 'handler()')`,
    )
    await refusedFor(routine, 'column host.names name function handler()')
    await asOwner(database(), 'alter table host alter column names type text')
    expect((await removeFeature(database().db, routine)).outcome).toBe('removed')
    expect((await restoreFeature(database().db, routine)).outcome).toBe('restored')
    expect(await database().query('select names::regprocedure::text from host')).toEqual([{ names: 'handler()' }])
  })

  test('so are a view in an array of a moved table, and the type of its rows in a domain', async () => {
    await asOwner(
      database(),
      `create table host (id int primary key); create view v as select id from host; create domain naming as regclass[];
       create domain typed as regtype; create table log (id int primary key, names naming, typed typed);
       insert into log values (1, array[['host'::regclass], ['v'::regclass]], 'v')`,
    )
    const feature = { name: 'f', tables: ['log'], views: ['v'] }
    await expectRefusal(database(), feature).then(({ detail }) => {
      expect(detail).toContain('values of column log.names name view')
      expect(detail).toContain('values of column log.typed name type')
    })
    await asOwner(database(), `update log set names = array['host'::regclass], typed = null`)
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })
})

describe('a removed table whose values name others', () => {
  test('comes back when one of these was renamed', async () => {
    await asOwner(
      database(),
      `create table other (id int); create table log (id int primary key, names regclass); insert into log values (1, 'other')`,
    )
    expect(await removed()).toBe('removed')
    await asOwner(database(), 'alter table other rename to another')
    expect(await problems()).toEqual([])
    expect(await restored()).toBe('restored')
    expect(await namesOf()).toEqual([{ id: 1, names: 'another' }])
  })

  test('comes back when one of these was dropped, which nobody can undo', async () => {
    await asOwner(
      database(),
      `create table other (id int); create table log (id int primary key, names regclass); insert into log values (1, 'other'), (2, null)`,
    )
    expect(await removed()).toBe('removed')
    await asOwner(database(), 'drop table other')
    expect(await restored()).toBe('restored')
  })

  test('comes back from the archive where they name the table itself', async () => {
    await asOwner(
      database(),
      `create table log (id int primary key, names regclass); insert into log values (1, 'log')`,
    )
    expect(await removed()).toBe('removed')
    await archiveBackups(database().db, log)
    expect(await problems()).toEqual([])
    expect(await restored()).toBe('restored')
    expect(await namesOf()).toEqual([{ id: 1, names: 'log' }])
  })
})

describe('the seal of values that name', () => {
  const COMPOSITE = `create type pair as (names regclass, note text); create domain naming as regclass;
    create table one (id int); create table two (id int);
    create table log (id int primary key, plain regclass, list naming[], pairs pair[], n numeric, role regrole);
    insert into log values (1, 'one', array['one'::naming], array[('one', 'a')::pair], 1.0, 'crm_owner'), (2, null, null, null, null, null)`
  const anyLedger = () => database().query(`update unship.runs set plan = plan || '{"ledger": "1"}'`)

  test.each([
    ['a value', `plain = 'two'`, `plain = 'one'`],
    ['an element', `list = array['two'::naming]`, `list = array['one'::naming]`],
    ['an attribute', `pairs = array[('two', 'a')::pair]`, `pairs = array[('one', 'a')::pair]`],
    ['another attribute', `pairs = array[('one', 'b')::pair]`, `pairs = array[('one', 'a')::pair]`],
    ['another value', 'n = 1.00', 'n = 1.0'],
  ])('tells %s from what it was', async (_, changed, original) => {
    await asOwner(database(), COMPOSITE)
    await removeFeature(database().db, log)
    const set = (to: string) => asOwner(database(), `update backup_log set ${to} where id = 1`)
    await asOwner(database(), 'alter table one rename to first')
    await asOwner(database(), 'create table one (id int)')
    await set(changed)
    await refusal('backup_changed', restoreFeature(database().db, log))
    await asOwner(database(), 'drop table one; alter table first rename to one')
    await set(original)
    expect(await restored()).toBe('restored')
  })

  test('in a database that came from a dump only other values are compared', async () => {
    await asOwner(database(), COMPOSITE)
    await removeFeature(database().db, log)
    await anyLedger()
    await asOwner(database(), `update backup_log set plain = 'two', n = 1.00 where id = 1`)
    await refusal('backup_changed', restoreFeature(database().db, log))
    expect(await problems()).toHaveLength(1)
    await asOwner(database(), 'update backup_log set n = 1.0 where id = 1')
    expect(await problems()).toEqual([])
    expect(await restored()).toBe('restored')
  })

  const asDumped = async () => {
    await anyLedger()
    await asOwner(database(), `update backup_log set plain = 'two' where id = 1`)
  }

  test('also where they are read again, since a transaction has been open for longer', async () => {
    await asOwner(database(), COMPOSITE)
    const writer = await connectAs(database().ownerUrl)
    await writer.query('begin; create temporary table held ()')
    try {
      await removeFeature(database().db, log)
      await asDumped()
      expect(await restored()).toBe('restored')
    } finally {
      await writer.end()
    }
  })

  test('also by a restore that broke off, and goes on', async () => {
    await asOwner(
      database(),
      `${COMPOSITE}; create table host (id int primary key, v int); insert into host values (1, 1)`,
    )
    const feature = { ...log, columns: { host: ['v'] } }
    await removeFeature(database().db, feature)
    await asDumped()
    const aborting = new AbortController()
    const onProgress = (event: ProgressEvent) => {
      if (event.type === 'phase done' && event.phase === 'add') aborting.abort()
    }
    await refusal('cancelled', restoreFeature(database().db, feature, { onProgress, signal: aborting.signal }))
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })

  test('of an earlier version is of the names, and still compared', async () => {
    await asOwner(
      database(),
      `create table other (id int); create table log (id int primary key, names regclass); insert into log values (1, 'other')`,
    )
    await removeFeature(database().db, log)
    await database().query(
      `update unship.runs set checksums = (select jsonb_build_object('backup_log', count(*) || ':h' || sum(hashtextextended(
         hash_record_extended(row(t.id, row('public.other'::text)::text collate "C"), 0)::text collate "C", 0))) from backup_log t)`,
    )
    await asOwner(database(), 'alter table other rename to another')
    await refusal('backup_changed', restoreFeature(database().db, log))
    await asOwner(database(), 'alter table another rename to other')
    expect(await restored()).toBe('restored')
  })
})
