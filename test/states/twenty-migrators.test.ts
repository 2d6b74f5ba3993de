import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { describe, expect, test } from 'vitest'
import { MigrationDialect, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'

describe('twenty migrators at once', () => {
  const database = useDatabase({ template: 'demo' })

  const migration = {
    up: (db: Kysely<any>) => removeFeature(db, programPartner).then(() => undefined),
    down: (db: Kysely<any>) => restoreFeature(db, programPartner).then(() => undefined),
  }
  const provider = { getMigrations: () => Promise.resolve({ m: migration }) }

  /** A migrator as one pipeline has it; the migrations that it ran. */
  const migrate = async (direction: 'up' | 'down'): Promise<string[]> => {
    const dialect = new MigrationDialect({ pool: createPool(database().ownerUrl, 2) })
    const db = new Kysely<any>({ dialect })
    try {
      const migrator = new Migrator({ db, provider, disableTransactions: true })
      const { error, results } = await (direction === 'up' ? migrator.migrateToLatest() : migrator.migrateDown())
      if (error !== undefined) throw error as Error
      return (results ?? []).map((r) => `${r.direction} ${r.status}`)
    } finally {
      await db.destroy()
    }
  }
  const waitingFor = async (query: string) => {
    while ((await database().query(query)).length === 0) await sleep(20)
  }

  test('one removes, one restores, though its index build waits and all others come meanwhile', async () => {
    const before = await readState(database(), { dump: false })
    const up = await Promise.all(Array.from({ length: 20 }, () => migrate('up')))
    expect(up.flat()).toEqual(['Up Success'])

    // CREATE INDEX CONCURRENTLY waits for every older snapshot
    const holder = await database().connect('admin')
    await holder.query('begin isolation level repeatable read; select 1')
    const first = migrate('down')
    await waitingFor(`select from pg_stat_activity where query like 'CREATE INDEX CONCURRENTLY%' and wait_event_type = 'Lock'
      and datname = current_database()`)
    const others = Array.from({ length: 19 }, () => migrate('down'))
    await waitingFor(`select from pg_stat_activity where query like '%pg_try_advisory_lock%' and datname = current_database()
      having count(*) >= 19`)
    await sleep(1500) // longer than deadlock_timeout
    await holder.query('rollback')
    expect((await Promise.all([first, ...others])).flat()).toEqual(['Down Success'])
    expect(await readState(database(), { dump: false })).toEqual(before)
  }, 120_000)
})
