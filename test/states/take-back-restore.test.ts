import { describe, expect, test } from 'vitest'
import { abortRestore, checkHealth, removeFeature, restoreFeature, type Phase } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { backupsAmong, readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { failAfter } from './broken.ts'

describe('abortRestore', () => {
  const database = useDatabase({ template: 'demo' })
  const breakAfter = async (phase: Phase) => {
    await removeFeature(database().db, programPartner)
    await expect(restoreFeature(database().db, programPartner, failAfter(phase))).rejects.toThrow('of the caller')
  }

  test.each(['add', 'fill', 'build', 'verify'] as const)(
    'takes back a restore that broke off after phase %s; another one is exact',
    async (phase) => {
      const before = await readState(database())
      await breakAfter(phase)
      const report = await abortRestore(database().db, programPartner)
      expect(report).toMatchObject({ direction: 'abort', outcome: 'removed', runId: '1', warnings: [] })
      expect(report.longestLockMs).toBeGreaterThan(0)
      const traces = await readTraces(database())
      expect(traces).toMatchObject({ onHosts: [], watches: [], runs: ['removal: done', 'restore: aborted'] })
      expect(backupsAmong(traces)).toHaveLength(4)
      expect((await removeFeature(database().db, programPartner)).outcome).toBe('already removed')
      expect(await restoreFeature(database().db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
      expect(await readState(database())).toEqual(before)
    },
  )

  test.each(['reveal', 'validate'] as const)(
    'leaves one that broke off after phase %s to be finished',
    async (phase) => {
      const before = await readState(database())
      await breakAfter(phase)
      const error = await refusedUnchanged(database(), 'nothing_to_abort', () =>
        abortRestore(database().db, programPartner),
      )
      expect(error.hint).toContain('migrate:down')
      expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
      expect(await readState(database())).toEqual(before)
    },
  )

  test('refuses where no restore is unfinished', async () => {
    const abort = () => abortRestore(database().db, programPartner)
    expect((await refusal('nothing_to_abort', abort())).detail).toBe('The ledger knows no run of it.')
    await removeFeature(database().db, programPartner, failAfter('cut over')).catch(() => undefined)
    const error = await refusedUnchanged(database(), 'nothing_to_abort', abort)
    expect(error.hint).toContain('abortRemoval takes it back')
  })
})

describe('what somebody makes of hidden columns while a restore lies broken', () => {
  const database = useDatabase()
  const feature = { name: 'f', columns: { host: ['gone', 'Lost'] } }
  const broken = async (partition = '') => {
    await asOwner(
      database(),
      `create table host (id int primary key, gone text, "Lost" int)${partition}; insert into host values (1, 'a', 2)`,
    )
    await removeFeature(database().db, feature)
    await expect(restoreFeature(database().db, feature, failAfter('fill'))).rejects.toThrow('of the caller')
    await asOwner(
      database(),
      'create view reports as select * from host; create materialized view sums as select "unship_hidden_Lost" from host',
    )
  }

  test.each([
    ['removeFeature', removeFeature],
    ['abortRestore', abortRestore],
  ])('is named, all of it, where it keeps %s from taking that back', async (_, takeBack) => {
    await broken()
    await asOwner(database(), 'create policy seen on host using (unship_hidden_gone is not null)')
    const error = await refusedUnchanged(database(), 'wrong_state', () => takeBack(database().db, feature))
    expect(error.detail?.split('\n')).toEqual([
      'materialized view public.sums depends on unship_hidden_Lost of host.',
      'policy seen on table public.host depends on unship_hidden_gone of host.',
      'view public.reports depends on unship_hidden_Lost, unship_hidden_gone of host.',
    ])
    expect(error.hint).not.toContain('it plans and copies anew')

    await asOwner(database(), 'drop view reports; drop materialized view sums; drop policy seen on host')
    await takeBack(database().db, feature)
    expect((await readTraces(database())).runs).toEqual(['removal: done', 'restore: aborted'])
  })

  test('is named in a transaction, which can go on', async () => {
    await broken()
    await database()
      .db.transaction()
      .execute(async (trx) => {
        expect((await refusal('wrong_state', abortRestore(trx, feature))).detail).toContain('public.reports')
        await trx.schema.dropView('reports').execute()
        await trx.schema.dropView('sums').materialized().execute()
        await abortRestore(trx, feature)
      })
    expect((await readTraces(database())).runs).toEqual(['removal: done', 'restore: aborted'])
  })

  test('is named where it stands on a partition', async () => {
    await broken(' partition by list (id); create table host_1 partition of host default')
    await asOwner(
      database(),
      'drop view reports; drop materialized view sums; create view reports as select * from host_1',
    )
    const error = await refusal('wrong_state', abortRestore(database().db, feature))
    expect(error.detail).toBe('view public.reports depends on unship_hidden_Lost, unship_hidden_gone of host.')
  })

  test('keeps the hidden names where the restore ends: the statements that rename them are told', async () => {
    await broken()
    const { warnings } = await restoreFeature(database().db, feature)
    expect(warnings).toEqual([
      expect.stringMatching(/^view public.reports was made while the restore was under way, and calls .*: alter view /),
      expect.stringMatching(/^view public.sums was made .*: alter materialized view [^;]*$/),
    ])
    const problems = (await checkHealth(database().db)).filter(({ result }) => result === 'problem')
    expect(problems.flatMap(({ found }) => found)).toContain('column public.reports.unship_hidden_gone')
    for (const warning of warnings) await asOwner(database(), warning.replace(/^[^:]*: /, ''))
    expect(await database().query('select * from reports, sums s')).toEqual([{ id: 1, gone: 'a', Lost: 2 }])
    expect(await database().query('select * from sums')).toEqual([{ Lost: 2 }])
    expect((await readTraces(database())).onHosts).toEqual([])
  })
})
