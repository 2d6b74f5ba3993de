import { Kysely, PostgresDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { abortRemoval, connectionPool, removeFeature, type ProgressEvent } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { startPooler } from '../faults/pooler.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { kysely } from '../support/kysely-ctl.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusal } from '../support/refusal.ts'

const database = useDatabase({ template: 'demo' })

describe('a pooler in transaction mode', () => {
  test('is refused by connectionPool before anything is run', async () => {
    const pooler = await startPooler(database().ownerUrl)
    try {
      const error = await refusal('server_not_supported', connectionPool({ DATABASE_URL: pooler.url }))
      expect(error.hint).toContain('pool_mode = session')
      const { code, output } = await kysely('migrate:latest', { DATABASE_URL: pooler.url })
      expect(code).toBe(1)
      expect(output).toContain('a pooler that gives each transaction another session')
      expect(await readTraces(database())).toEqual(noTraces)
    } finally {
      await pooler.close()
    }
  })

  test.each(['watch', 'copy', 'verify'])(
    'that shows in phase %s ends the removal, and nothing is gone',
    async (phase) => {
      const before = await readState(database(), { dump: false })
      const pooler = await startPooler(database().ownerUrl)
      const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(pooler.url, 2) }) })
      const onProgress = (event: ProgressEvent) => {
        if (event.type === 'phase done' && event.phase === phase) pooler.rotate()
      }
      try {
        const error = await refusal('server_not_supported', removeFeature(db, programPartner, { onProgress }))
        expect(error.hint).toContain('session mode')
      } finally {
        await db.destroy()
        await pooler.close()
      }
      expect((await readTraces(database())).runs).toEqual(['removal: running'])
      // over a connection that stays, it is taken back
      expect((await abortRemoval(database().db, programPartner)).outcome).toBe('taken back')
      expect(await readState(database(), { dump: false })).toEqual(before)
    },
  )
})
