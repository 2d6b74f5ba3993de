import { describe, expect, test } from 'vitest'
import {
  checkHealth,
  defineFeature,
  planRemoval,
  removeFeature,
  restoreFeature,
  type ProgressEvent,
} from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = defineFeature()({ name: 'f', columns: { t: ['a'] } })

describe('a host table whose keys changed while the feature was away', () => {
  const database = useDatabase()

  async function removed() {
    await asOwner(
      database(),
      `create table t (id int primary key, kept text, a text);
       insert into t select n, 'k' || n, 'a' || n from generate_series(1, 20) n`,
    )
    const { warnings } = await planRemoval(database().db, feature)
    expect(warnings).toEqual([expect.stringContaining('rows of t are found again by id')])
    await removeFeature(database().db, feature)
  }

  async function restored() {
    const events: ProgressEvent[] = []
    const report = await restoreFeature(database().db, feature, { onProgress: (e) => events.push(e) })
    return { ...report, types: events.map((e) => e.type) }
  }

  test('all of them is told before anything changes, and the values can be had', async () => {
    await removed()
    await asOwner(database(), 'update t set id = id + 1000')
    const { outcome, warnings, hosts, retired, types } = await restored()
    expect(outcome).toBe('restored')
    expect(warnings).toEqual([
      expect.stringMatching(/^20 of 20 backed-up rows of t have no row under their id any more, and 20 rows /),
    ])
    expect(types.indexOf('warning')).toBeLessThan(types.indexOf('phase started'))
    expect(hosts).toEqual([{ table: 't', restored: 0, inserted: 20, deleted: 20 }])
    const [{ became } = { became: '' }] = retired
    expect(await database().query(`select count(*)::int as kept from ${became} where a = 'a' || id`)).toEqual([
      { kept: 20 },
    ])
  })

  test('a few are counted as gone', async () => {
    await removed()
    await asOwner(database(), 'update t set id = id + 1000 where id <= 3')
    const { warnings, hosts } = await restored()
    expect(warnings).toEqual([])
    expect(hosts).toEqual([{ table: 't', restored: 17, inserted: 3, deleted: 3 }])
  })

  test('rows that were deleted are no sign of it', async () => {
    await removed()
    await asOwner(database(), `delete from t where id <= 15; insert into t values (100, 'new')`)
    const { warnings, hosts } = await restored()
    expect(warnings).toEqual([])
    expect(hosts).toEqual([{ table: 't', restored: 5, inserted: 1, deleted: 15 }])
  })
})

describe('rows under keys that a sequence has given out anew', () => {
  const database = useDatabase()
  const ibans = { name: 'f', columns: { t: ['iban'] } }
  const table = (key: string, partitioned = false) => `
    create table t (${key}, name text, iban text)${partitioned ? ' partition by hash (id); create table t_1 partition of t for values with (modulus 1, remainder 0)' : ''};
    insert into t (name, iban) select 'old' || n, 'iban' || n from generate_series(1, 9) n`
  const ALWAYS = 'id int generated always as identity primary key'
  const TOLD =
    /^keys of t \(id\) may have been given out anew: since the removal the sequence of id was restarted or set back, and (\d+) of the rows under backed-up keys were written; /
  const RELOADED = `insert into t (name) select 'new' || n from generate_series(1, 9) n`

  const cases: [string, string, string, number][] = [
    ['TRUNCATE … RESTART IDENTITY', ALWAYS, `truncate t restart identity; ${RELOADED}`, 9],
    ['ALTER … RESTART', ALWAYS, `delete from t; alter table t alter id restart; ${RELOADED}`, 9],
    [
      'setval',
      ALWAYS,
      `delete from t where id > 7; select setval('t_id_seq', 7); insert into t values (default, 'n')`,
      1,
    ],
    [
      'another identity',
      ALWAYS,
      `delete from t; alter table t alter id drop identity, alter id add generated always as identity; ${RELOADED}`,
      9,
    ],
    [
      'ALTER … RESTART, descending',
      ALWAYS.replace('identity', 'identity (increment -1)'),
      `delete from t; select setval('t_id_seq', -4, false); insert into t values (default, 'n')`,
      1,
    ],
    [
      'TRUNCATE … RESTART IDENTITY, partitioned',
      'id serial primary key',
      `truncate t restart identity; ${RELOADED}`,
      9,
    ],
    ['TRUNCATE … RESTART IDENTITY, serial', 'id serial primary key', `truncate t restart identity; ${RELOADED}`, 9],
  ]
  test.each(cases)('by %s are told before anything changes, and by verify', async (how, key, meanwhile, rows) => {
    await asOwner(database(), table(key, how.endsWith('partitioned')))
    await removeFeature(database().db, ibans)
    await asOwner(database(), meanwhile)
    const found = (await checkHealth(database().db)).flatMap((c) => (c.result === 'note' ? c.found : []))
    expect(found).toEqual([expect.stringMatching(TOLD)])
    const events: ProgressEvent[] = []
    const { warnings } = await restoreFeature(database().db, ibans, { onProgress: (e) => events.push(e) })
    expect(warnings).toEqual(found)
    expect(TOLD.exec(warnings[0] ?? '')?.[1]).toBe(String(rows))
    const types = events.map((e) => e.type)
    expect(types.indexOf('warning')).toBeLessThan(types.indexOf('phase started'))
  })

  test.each([
    ['rows that were written, and numbers given on', `update t set name = 'x'; insert into t values (default, 'n')`],
    ['another type of the key, whose sequence is written anew', 'alter table t alter id type bigint'],
    ['a restart where no row was written', `alter table t alter id restart with 100`],
    ['a restart, and nothing under the old keys', `truncate t; alter table t alter id restart with 100; ${RELOADED}`],
  ])('are not suspected because of %s', async (_, meanwhile) => {
    await asOwner(database(), table(ALWAYS))
    await removeFeature(database().db, ibans)
    await asOwner(database(), meanwhile)
    const { warnings } = await restoreFeature(database().db, ibans)
    expect(warnings.filter((w) => TOLD.test(w))).toEqual([])
  })

  test('are not suspected after a dump, which makes all anew', async () => {
    await asOwner(database(), table(ALWAYS))
    await removeFeature(database().db, ibans)
    await database().query(`update unship.runs set plan = plan || '{"ledger": "1"}'`)
    await asOwner(database(), `update t set name = 'x'; alter table t alter id restart`)
    const { warnings } = await restoreFeature(database().db, ibans)
    expect(warnings.filter((w) => TOLD.test(w))).toEqual([])
  })

  test('may come by whoever inserts, where BY DEFAULT allows it: the removal says so', async () => {
    await asOwner(database(), table('id int generated by default as identity primary key'))
    const { warnings } = await removeFeature(database().db, ibans)
    expect(warnings).toEqual([expect.stringContaining('rows of t are found again by id')])
  })

  test('cannot come by an insert under GENERATED ALWAYS: the removal says nothing', async () => {
    await asOwner(database(), table(ALWAYS))
    expect(await removeFeature(database().db, ibans)).toMatchObject({ outcome: 'removed', warnings: [] })
  })
})
