import { describe, expect, test } from 'vitest'
import { abortRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
import { killedAt, type Moment } from './broken.ts'

const moments: readonly Moment[] = [
  ['phase started', 'watch'],
  ['phase done', 'watch'],
  ['phase started', 'copy'],
  ['phase done', 'copy'],
  ['phase started', 'verify'],
  ['phase done', 'verify'],
  ['phase started', 'cut over'],
  ['phase done', 'cut over'],
  ['phase started', 'record'],
]
const pastCutOver = ([type, phase]: Moment) => phase === 'record' || (type === 'phase done' && phase === 'cut over')

describe('a removal whose connection is ended', () => {
  const database = useDatabase({ template: 'demo' })

  const breakOff = async (moment: Moment) => {
    const { killed, ...options } = killedAt(database(), moment)
    const error = await refusal('server_unreachable', removeFeature(database().db, programPartner, options))
    await killed
    expect(error.primary).toBe('the connection to the server was lost in the removal of feature program_partner')
    expect(error.hint).toContain('abortRemoval')
    return error
  }

  test.each(moments)('%s: %s', async (...moment) => {
    const before = await readState(database(), { dump: false })
    await breakOff(moment)
    if (!pastCutOver(moment)) expect(await readState(database(), { dump: false })).not.toBeUndefined()

    // finished by the same command
    const removed = await removeFeature(database().db, programPartner)
    expect(removed.outcome).toBe('removed')
    expect(Object.fromEntries(removed.backups.map((b) => [b.table, b.rows]))).toEqual({
      backup_program_partner_contacts: 41,
      backup_program_partner_subscriptions: 0,
      backup_program_partner_audit_log: 3,
      backup_legacy_program_partner_corrections: 0,
    })
    const traces = await readTraces(database())
    expect(traces).toMatchObject({ onHosts: [], watches: [] })
    expect(traces.tables).toHaveLength(4)
    expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)

    // and taken back by abortRemoval
    await breakOff(moment)
    if (!pastCutOver(moment)) {
      const error = await refusedUnchanged(database(), 'wrong_state', () =>
        restoreFeature(database().db, programPartner),
      )
      expect(error.hint).toContain('abortRemoval')
    }
    const aborted = await abortRemoval(database().db, programPartner)
    expect(aborted.outcome).toBe(pastCutOver(moment) ? 'restored' : 'taken back')
    expect(await readState(database(), { dump: false })).toEqual(before)
    expect(await readTraces(database())).toMatchObject({ onHosts: [], watches: [] })
    await refusal('nothing_to_abort', abortRemoval(database().db, programPartner))
  })

  test('just after its cut-over keeps every backup, and a restore brings all of it back', async () => {
    const before = await readState(database())
    await breakOff(['phase done', 'cut over'])
    expect((await readTraces(database())).tables).toHaveLength(4)
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
    expect(await readState(database())).toEqual(before)
  })

  test('in the middle of its cut-over has changed nothing', async () => {
    const before = await readState(database(), { dump: false })
    const holder = await database().connect()
    const run = removeFeature(database().db, programPartner, {
      lockTimeoutMs: 5000,
      onProgress: (event) => {
        if (event.type !== 'phase started' || event.phase !== 'cut over') return
        void holder.query('begin; select count(*) from contacts').then(async () => {
          await new Promise((resolve) => setTimeout(resolve, 300))
          await database().query(
            `select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
          )
          await holder.query('rollback')
        })
      },
    })
    const outcome = await run.then(
      () => 'removed',
      () => 'broken',
    )
    await holder.query('rollback')
    // the reader may have come too late to be in the way
    if (outcome === 'removed') await restoreFeature(database().db, programPartner)
    else await abortRemoval(database().db, programPartner)
    expect(await readState(database(), { dump: false })).toEqual(before)
  })
})
