import { describe, expect, test } from 'vitest'
import { abortRestore, removeFeature, restoreFeature, type Phase } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { backupsAmong, readTraces, refusal, refusedUnchanged } from '../support/refusal.ts'
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
