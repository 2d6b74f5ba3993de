import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { failAfter } from './broken.ts'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const DEPENDS = 'whether two values are the same depends on settings of the session, as its time zone'

describe('a key that gets a time zone, or loses it, while the feature is away', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  const feature = { name: 'f', columns: { readings: ['note'] } }
  const readings = (type: string, values = `timestamp '2024-01-01' + n * interval '1 hour'`) =>
    owner(`create domain instant as timestamp; create table readings (at ${type} primary key, kept text, note text);
      insert into readings select (${values})::${type}, 'reading ' || n, 'note ' || n from generate_series(1, 6) n`)
  const alter = (to: string) => owner(`alter table readings alter at type ${to}`)
  const mismatched = () =>
    database().query(`select kept, note from readings where replace(kept, 'reading', 'note') is distinct from note`)

  test.each([
    ['timestamp', `timestamptz using at at time zone 'Europe/Berlin'`],
    ['instant', `timestamptz using at at time zone 'Europe/Berlin'`],
    ['timestamptz', `timestamp using at at time zone 'Europe/Berlin'`],
    ['time', 'timetz'],
  ])('of a host table: from %s to %s', async (from, to) => {
    await readings(from)
    await removeFeature(database().db, feature)
    await alter(to)
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe(`The key of readings (at) has another type than in the backup: ${DEPENDS}.`)
    expect(error.hint).toContain('Give it its type back')
  })

  test('the hint helps', async () => {
    await readings('timestamp')
    await removeFeature(database().db, feature)
    await alter(`timestamptz using at at time zone 'Europe/Berlin'`)
    await refusal('not_restorable', restoreFeature(database().db, feature))
    await alter(`timestamp using at at time zone 'Europe/Berlin'`)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored' })
    expect(await mismatched()).toEqual([])
  })

  test('is kept from it by PostgreSQL when the restore broke off, for a trigger speaks of it', async () => {
    await readings('timestamp')
    await removeFeature(database().db, feature)
    await expect(restoreFeature(database().db, feature, failAfter('add'))).rejects.toThrow('of the caller')
    await expect(alter('timestamptz')).rejects.toThrow('used in a trigger definition')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    await alter('timestamptz')
  })

  test('after the restore broke off, where no trigger keeps it from that', async () => {
    await readings('timestamp')
    await owner('alter table readings add shown text generated always as (upper(kept)) stored')
    await removeFeature(database().db, feature)
    await expect(restoreFeature(database().db, feature, failAfter('add'))).rejects.toThrow('of the caller')
    await alter(`timestamptz using at at time zone 'Europe/Berlin'`)
    const { hint } = await refusal('not_restorable', restoreFeature(database().db, feature))
    expect(hint).toContain('It is as far restored as before.')
  })

  test('types that every session compares in the same way are let pass', async () => {
    await readings('date', `date '2024-01-01' + n`)
    await removeFeature(database().db, feature)
    await alter('timestamp')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored' })
    expect(await mismatched()).toEqual([])
  })
})

describe('a column that a foreign key refers to', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  const slots = (type: string, of: string) =>
    owner(`create table slots (at ${type} primary key); insert into slots select timestamp '2024-01-01' + n * interval '1 day' from generate_series(1, 5) n;
      create table bookings (id int primary key, at ${of} references slots);
      insert into bookings select n, timestamp '2024-01-01' + n * interval '1 day' from generate_series(1, 5) n`)

  test.each([
    { name: 'f', tables: ['bookings'] },
    { name: 'f', columns: { bookings: ['at'] } },
  ])('gets a time zone: no row is taken to be without a parent', async (feature) => {
    await slots('timestamp', 'timestamp')
    await removeFeature(database().db, feature)
    await owner(`alter table slots alter at type timestamptz using at at time zone 'Europe/Berlin'`)
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
    expect(error.detail).toBe(
      `Foreign key bookings_at_fkey of bookings refers to slots (at), and a column was given another type: ${DEPENDS}.`,
    )
    await owner(`alter table slots alter at type timestamp using at at time zone 'Europe/Berlin'`)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
  })

  test('and had one from the first is let pass', async () => {
    await slots('timestamptz', 'timestamp')
    const feature = { name: 'f', tables: ['bookings'] }
    await removeFeature(database().db, feature)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', setAside: [] })
  })
})
