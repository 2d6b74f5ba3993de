import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature, type ProgressEvent } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'

/** From when the command first waits for the reader. */
const IDLE_MS = 3_000
/** The lock timeout and much noise; whoever queued behind the waiting command would wait until the reader goes. */
const LONGEST_MS = IDLE_MS / 2

describe('a reader idle in its transaction', () => {
  const database = useDatabase({ template: 'demo' })

  async function whileIdle(run: (options: { onProgress: (e: ProgressEvent) => void }) => Promise<unknown>) {
    const reader = await database().connect('crm_app')
    const { rows } = await reader.query<{ pid: number }>(`select pg_backend_pid() as pid`)
    await reader.query(`begin; select count(*) from contacts`)
    const clients = [await database().connect('crm_app'), await database().connect('crm_app')]
    const waits: number[] = []
    let running = true
    const working = clients.map((client, n) => work(client, n, waits, () => running))
    const events: ProgressEvent[] = []
    let gone = false
    let idle: Promise<unknown> | undefined
    const waitedFor = async () => {
      await sleep(IDLE_MS)
      gone = true
      await reader.query('commit')
    }
    try {
      await run({
        onProgress: (event) => {
          events.push(event)
          if (event.type === 'waiting') idle ??= waitedFor()
          if (event.type === 'phase done' && event.lockHeldMs !== null) expect(gone).toBe(true)
        },
      })
    } finally {
      running = false
      await idle
      await Promise.all(working)
    }
    const waiting = events.filter((e) => e.type === 'waiting')
    expect(waiting.length).toBeGreaterThan(2)
    expect(waiting.some((e) => e.blockers.some((b) => b.pid === rows[0]?.pid))).toBe(true)
    expect(waits.length).toBeGreaterThan(20)
    expect(Math.max(...waits)).toBeLessThan(LONGEST_MS)
  }

  /** Short transactions of an application; an error of theirs fails the test. */
  async function work(client: pg.Client, n: number, waits: number[], running: () => boolean): Promise<void> {
    while (running()) {
      const started = performance.now()
      await client.query(
        n === 0
          ? `update contacts set phone = '1' where email = 'contact7@example.org'`
          : 'select count(*) from subscriptions s join contacts c on c.id = s.contact_id',
      )
      waits.push(performance.now() - started)
      await sleep(10)
    }
  }

  test('holds up removal and restore, and nobody else', async () => {
    const definitions = (await readState(database(), { dump: false })).definitions
    await whileIdle((options) => removeFeature(database().db, programPartner, options))
    await whileIdle((options) => restoreFeature(database().db, programPartner, options))
    expect((await readState(database(), { dump: false })).definitions).toEqual(definitions)
  })
})
