import { Kysely, PostgresDialect } from 'kysely'
import { expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { startProxy } from '../../bench/proxy.ts'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'

const ROUND_TRIP_MS = 60
/** For a busy machine. With a round trip for each statement it would be seconds: the shortest transaction has thirty. */
const NOISE_MS = 300

const database = useDatabase({ template: 'demo' })

test('a slow network does not lengthen the time that locks are held', async () => {
  const url = new URL(database().ownerUrl)
  const proxy = await startProxy({ host: url.hostname, port: Number(url.port) }, ROUND_TRIP_MS)
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(url.href, 1) }) })
  try {
    const started = performance.now()
    const removed = await removeFeature(db, programPartner)
    const restored = await restoreFeature(db, programPartner)
    // the network is as slow as it should be
    expect(performance.now() - started).toBeGreaterThan(20 * ROUND_TRIP_MS)
    expect(removed.longestLockMs).toBeLessThan(ROUND_TRIP_MS + NOISE_MS)
    expect(restored.longestLockMs).toBeLessThan(ROUND_TRIP_MS + NOISE_MS)
    // nor do rows pass through the client: the catalog's texts do
    expect(proxy.bytesFromServer()).toBeLessThan(1_000_000)
  } finally {
    await db.destroy()
    await proxy.close()
  }
})
