import { setImmediate } from 'node:timers/promises'
import { removeFeature, restoreFeature, type ProgressEvent, type RunOptions } from 'kysely-unship'
import { describe, expect, test } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { noTraces, readTraces } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = { name: 'vip', columns: { contacts: ['vip'] } }

/** An onProgress that fails at one event: at once, in a promise, or in one that goes on for a while. */
const failing = (how: 'throws' | 'rejects' | 'rejects later', at: (event: ProgressEvent) => boolean): RunOptions => ({
  onProgress:
    how === 'throws'
      ? (event) => {
          if (at(event)) throw new Error('nobody listens')
        }
      : async (event) => {
          if (how === 'rejects later') await setImmediate()
          if (at(event)) throw new Error('nobody listens')
        },
})

const after =
  (phase: string) =>
  (event: ProgressEvent): boolean =>
    event.type === 'phase done' && event.phase === phase

describe.each(['throws', 'rejects', 'rejects later'] as const)('an onProgress that %s', (how) => {
  const database = useDatabase()
  const prepare = () =>
    asOwner(
      database(),
      `create table contacts (id int primary key, vip boolean); insert into contacts values (1, true)`,
    )
  const columns = () =>
    database().query(`select from pg_attribute where attrelid = 'contacts'::regclass and attname = 'vip'`)

  test('before the cut-over has the removal taken back', async () => {
    await prepare()
    await expect(removeFeature(database().db, feature, failing(how, after('copy')))).rejects.toThrow('nobody listens')
    expect(await columns()).toHaveLength(1)
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
  })

  test('after it leaves a removal that is finished, or taken back', async () => {
    await prepare()
    const removal = removeFeature(database().db, feature, failing(how, after('cut over')))
    await expect(removal).rejects.toThrow('broke off after its cut-over')
    expect(await columns()).toHaveLength(0)
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
  })

  test('in a restore leaves one that goes on', async () => {
    await prepare()
    await removeFeature(database().db, feature)
    const restore = restoreFeature(database().db, feature, failing(how, after('fill')))
    await expect(restore).rejects.toThrow('nobody listens')
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
    expect(await database().query('select vip from contacts')).toEqual([{ vip: true }])
  })

  test('of the last event is told of by the call, whose work is done', async () => {
    await prepare()
    const last = failing(how, ({ type }) => type === 'finished')
    await expect(removeFeature(database().db, feature, last)).rejects.toThrow('nobody listens')
    expect((await removeFeature(database().db, feature)).outcome).toBe('already removed')
  })

  test('in a transaction takes back what was done in it', async () => {
    await prepare()
    await database()
      .db.transaction()
      .execute(async (transaction) => {
        const removal = removeFeature(transaction, feature, failing(how, after('copy')))
        await expect(removal).rejects.toThrow('nobody listens')
      })
    expect(await columns()).toHaveLength(1)
  })
})
