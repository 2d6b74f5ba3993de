import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type RunOptions } from 'kysely-unship'
import { queryAtOnce } from '../../support/at-once.ts'
import { useDatabase } from '../../support/database.ts'
import { refusal, refusedUnchanged } from '../../support/refusal.ts'
import { asOwner } from '../../support/round-trip.ts'

describe('partitions that came meanwhile and are partitioned by what a unique key lacks which comes back', () => {
  const database = useDatabase()
  const notes = { name: 'notes', columns: { parts: ['note'] }, constraints: { parts: ['parts_note_area_key'] } }
  const removed = async () => {
    await asOwner(
      database(),
      `create table parts (id int, area text, note text, primary key (id, area), unique (note, area)) partition by list (area);
       create table parts_a partition of parts for values in ('a'); insert into parts values (1, 'a', 'n')`,
    )
    await removeFeature(database().db, notes)
  }
  const partitionBy = (key: string) =>
    `set role crm_owner; create table parts_b partition of parts for values in ('b') partition by ${key}`
  const lacking = (key: string) =>
    `unique key parts_note_area_key of parts (note, area) comes back, and parts_b is partitioned by what it lacks: ${key}.`
  const restored = async () => (await restoreFeature(database().db, notes)).outcome

  test.each(['HASH (id)', 'RANGE (area, id)'])('are told of before anything changes: %s', async (key) => {
    await removed()
    await database().query(partitionBy(key))
    const refused = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, notes))
    expect(refused.detail).toBe(lacking(key))
    await database().query('drop table parts_b')
    expect(await restored()).toBe('restored')
  })

  test('are told of by a restore that goes on', async () => {
    await removed()
    let done = false
    const options: RunOptions = {
      onProgress: (event) => {
        if (done || event.type !== 'phase started' || event.phase !== 'reveal') return
        done = true
        queryAtOnce(database().url, partitionBy('HASH (id)'))
      },
    }
    await refusal('statement_failed', restoreFeature(database().db, notes, options))
    expect((await refusal('not_restorable', restoreFeature(database().db, notes))).detail).toBe(lacking('HASH (id)'))
    await database().query('drop table parts_b')
    expect(await restored()).toBe('restored')
  })
})
