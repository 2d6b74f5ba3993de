import { beforeAll, describe, expect, test } from 'vitest'
import { abortRemoval, removeFeature, restoreFeature, type ProgressEvent, type RunOptions } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase, useSharedDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { noTraces, readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'

/** Options whose signal is aborted when this is told. */
function cancelWhen(matches: (event: ProgressEvent) => boolean): RunOptions {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    onProgress: (event) => {
      if (matches(event)) controller.abort(new Error('Ctrl-C'))
    },
  }
}

const at = (type: 'phase started' | 'phase done', phase: string) =>
  cancelWhen((event) => event.type === type && event.phase === phase)

describe('a signal that is aborted before', () => {
  const database = useDatabase({ template: 'demo' })

  test('a removal: nothing happens', async () => {
    const error = await refusedUnchanged(database(), 'cancelled', () =>
      removeFeature(database().db, programPartner, { signal: AbortSignal.abort() }),
    )
    expect(error.hint).toContain('again')
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('a restore: nothing happens', async () => {
    await removeFeature(database().db, programPartner)
    await refusedUnchanged(database(), 'cancelled', () =>
      restoreFeature(database().db, programPartner, { signal: AbortSignal.abort() }),
    )
  })
})

describe('a signal that is aborted during', () => {
  const database = useDatabase({ template: 'demo' })

  test.each([
    ['the watch', () => at('phase started', 'watch')],
    ['the copy', () => at('phase started', 'copy')],
    ['the verification', () => at('phase started', 'verify')],
    ['the moment before the cut-over', () => at('phase started', 'cut over')],
  ])('a removal, in %s: it is taken back', async (_, options) => {
    const before = await readState(database(), { dump: false })
    await refusal('cancelled', removeFeature(database().db, programPartner, options()))
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  })

  test('a removal, after its cut-over: it stays removed, and the next run closes it', async () => {
    const error = await refusal('cancelled', removeFeature(database().db, programPartner, at('phase done', 'cut over')))
    expect(error.primary).toContain('after its cut-over')
    expect(error.hint).toContain('abortRemoval')
    expect((await readTraces(database())).runs).toEqual(['removal: running'])
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
    expect((await readTraces(database())).runs).toEqual(['removal: done'])
  })

  test('a removal, after its cut-over: abortRemoval brings the feature back', async () => {
    const before = await readState(database(), { dump: false })
    await refusal('cancelled', removeFeature(database().db, programPartner, at('phase done', 'cut over')))
    expect(await abortRemoval(database().db, programPartner)).toMatchObject({ outcome: 'restored', phase: 'record' })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('a wait for locks: it ends within a pause', async () => {
    const holder = await database().connect()
    await holder.query('begin; select count(*) from contacts')
    const started = performance.now()
    await refusal(
      'cancelled',
      removeFeature(database().db, programPartner, { ...cancelWhen((e) => e.type === 'waiting'), lockTimeoutMs: 20 }),
    )
    expect(performance.now() - started).toBeLessThan(3000)
    await holder.query('rollback')
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
  })

  test("a caller's transaction: it can be used on, with nothing done", async () => {
    const before = await readState(database(), { dump: false })
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await refusal('cancelled', removeFeature(trx, programPartner, at('phase started', 'cut over')))
        await trx.selectFrom('contacts').select('id').limit(1).execute()
      })
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await readTraces(database())).toEqual(noTraces)
  })
})

describe('a signal that is aborted during a restore', () => {
  // each test leaves the feature in it as it was
  const shared = useSharedDatabase({ template: 'demo' })
  let before: State
  beforeAll(async () => {
    before = await readState(shared(), { dump: false })
  })

  test.each(['add', 'fill', 'build', 'verify', 'reveal', 'validate'])('in %s: it can go on', async (phase) => {
    await removeFeature(shared().db, programPartner)
    const error = await refusal('cancelled', restoreFeature(shared().db, programPartner, at('phase done', phase)))
    expect(error.hint).toContain('again')
    expect((await restoreFeature(shared().db, programPartner)).outcome).toBe('restored')
    expect(await readState(shared(), { dump: false })).toEqual(before)
  })
})
