import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { measure, type Circumstances, type Measurement } from './measure.ts'
import type { BenchOptions, Scenario } from './options.ts'
import { startProxy } from './proxy.ts'
import type { Scale } from './scales.ts'
import type { BenchDatabase, BenchServer } from './server.ts'

const MOST_ATTEMPTS = 5

/** What the scenarios of one scale share. */
export interface Bench {
  readonly server: BenchServer
  readonly scale: Scale
  readonly template: string
  readonly options: BenchOptions
  readonly signal: AbortSignal
  readonly tell: (measured: Measurement) => void
}

export async function runScenario(bench: Bench, scenario: Scenario): Promise<void> {
  const { options } = bench
  switch (scenario) {
    case 'pairs':
      for (let pair = 0; pair < options.pairs; pair++) {
        // in turn: what comes second may find warmer caches
        const order = pair % 2 === 0 ? (['plain', 'product'] as const) : (['product', 'plain'] as const)
        for (const contender of order)
          if (contender === 'product') await roundTrip(bench, contender, scenario)
          else if (!options.productOnly) await untilItSucceeds(bench, scenario)
      }
      break
    case 'idle-reader':
    case 'ten-readers':
      await roundTrip(bench, 'product', scenario, (database) => ({
        beside: () => idleReaders(database, scenario === 'idle-reader' ? 1 : 10, options.idleMs),
      }))
      break
    case 'proxy':
      await roundTrip(bench, 'product', 'proxy 0 ms', undefined, 0)
      await roundTrip(bench, 'product', `proxy ${String(options.roundTripMs)} ms`, undefined, options.roundTripMs)
      break
  }
}

/** The plain script deadlocks with the clients at times: then it is run again, on a fresh copy. */
async function untilItSucceeds(bench: Bench, scenario: string): Promise<void> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) if (await roundTrip(bench, 'plain', scenario)) return
}

/** Removal and restore on one fresh copy; whether both succeeded. */
async function roundTrip(
  { server, scale, template, options, signal, tell }: Bench,
  contender: 'plain' | 'product',
  scenario: string,
  more?: (database: BenchDatabase) => Partial<Circumstances>,
  roundTripMs?: number,
): Promise<boolean> {
  const database = await server.copy(template)
  const proxy =
    roundTripMs === undefined
      ? undefined
      : await startProxy({ host: '127.0.0.1', port: Number(new URL(database.ownerUrl).port) }, roundTripMs)
  const url = new URL(database.ownerUrl)
  if (proxy) url.port = String(proxy.port)
  try {
    for (const direction of ['removal', 'restore'] as const) {
      const around = { scenario, floorMs: options.floorMs, signal, url: url.href, ...more?.(database) }
      const measured = await measure(scale, database, contender, direction, {
        ...around,
        ...(proxy && { bytesFromServer: proxy.bytesFromServer }),
      })
      tell(measured)
      if (!measured.ok) return false
    }
    return true
  } finally {
    await proxy?.close()
    await server.drop(database)
  }
}

/** Sessions that have read contacts and sit idle in their transactions, one after the other. */
async function idleReaders(database: BenchDatabase, readers: number, idleMs: number): Promise<() => Promise<void>> {
  const connect = async () => {
    const client = new pg.Client({ connectionString: database.appUrl, application_name: 'an idle reader' })
    client.on('error', () => undefined)
    await client.connect()
    await client.query('begin; select count(*) from (select from contacts limit 1) c')
    return client
  }
  const end = async (client: pg.Client) => {
    await client.query('commit')
    await client.end()
  }
  const done = new AbortController()
  let client = await connect()
  const taking = (async () => {
    for (let n = 1; ; n++) {
      await sleep(idleMs, undefined, { signal: done.signal }).catch(() => undefined)
      await end(client)
      if (done.signal.aborted || n === readers) return
      client = await connect()
    }
  })()
  return async () => {
    done.abort()
    await taking
  }
}
