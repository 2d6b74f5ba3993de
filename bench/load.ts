import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { choose, picker } from './mix.ts'
import type { Scale } from './scales.ts'

const CLIENTS = 8
const RATE = 400

/** One transaction, from when it should have begun until it was done. */
export interface Sample {
  readonly at: number
  readonly ms: number
}

/** An undefined column, function or table: the feature is away. */
const AWAY = ['42703', '42883', '42P01']
const PROBE_EVERY_MS = 1_000

/** Eight clients, each with its connection and its own timetable. */
export class Load {
  readonly samples: Sample[] = []
  /** By SQLSTATE, without those that say that the feature is away. */
  readonly errors = new Map<string, number>()
  featureAway = 0
  #featureThere = true
  #probedAt = 0
  #running = true
  #clients: Promise<void>[] = []

  static async start(url: string, scale: Scale): Promise<Load> {
    const load = new Load()
    const connections = await Promise.all(Array.from({ length: CLIENTS }, () => connect(url)))
    const started = performance.now()
    load.#clients = connections.map((client, n) => load.#run(client, url, scale, n, started))
    return load
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#clients)
  }

  async #run(first: pg.Client, url: string, scale: Scale, n: number, started: number): Promise<void> {
    let client = first
    const pick = picker(scale, n + 1)
    const interval = (1000 * CLIENTS) / RATE
    for (let due = started + (interval * n) / CLIENTS; this.#running; due += interval) {
      const wait = due - performance.now()
      if (wait > 0) await sleep(wait)
      try {
        await choose(pick, this.#usesFeature()).run(client, pick)
        this.samples.push({ at: due, ms: performance.now() - due })
      } catch (error) {
        this.samples.push({ at: due, ms: performance.now() - due })
        if (this.#count(error) === undefined) {
          await client.end().catch(() => undefined)
          client = await connect(url)
        }
      }
    }
    await client.end()
  }

  /** Where it was away, it is tried again from time to time. */
  #usesFeature(): boolean {
    if (this.#featureThere) return true
    if (performance.now() - this.#probedAt < PROBE_EVERY_MS) return false
    this.#probedAt = performance.now()
    this.#featureThere = true
    return true
  }

  #count(error: unknown): string | undefined {
    const code = error instanceof pg.DatabaseError ? error.code : undefined
    if (code !== undefined && AWAY.includes(code)) {
      this.featureAway++
      this.#featureThere = false
      this.#probedAt = performance.now()
    } else {
      const name = code ?? String(error)
      this.errors.set(name, (this.errors.get(name) ?? 0) + 1)
    }
    return code
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: 'bench client' })
  client.on('error', () => undefined)
  await client.connect()
  return client
}
