import { describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
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
