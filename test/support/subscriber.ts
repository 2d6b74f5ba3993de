import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, inject } from 'vitest'
import pg from 'pg'
import { createDatabase, type TestDatabase } from './database.ts'
import { major } from './round-trip.ts'

/** Tables for `Subscriber.caughtUp`, which each publication must have: what is written last has arrived last. */
export const HEARTBEAT = 'create table heartbeat (n int primary key);'

/**
 * A second database for each test of the suite, which subscribes to the first. Call it after
 * `useDatabase`, so that the subscription goes before the database that it reads. Tests are
 * skipped where the server's wal_level does not allow it.
 */
export function useSubscriber(publisher: () => TestDatabase): () => Subscriber {
  let subscriber: Subscriber | undefined
  beforeEach(async (context) => {
    const [setting] = await publisher().query<{ wal_level: string }>('show wal_level')
    if (setting?.wal_level !== 'logical')
      context.skip(`wal_level of the tests' server is ${String(setting?.wal_level)}: a subscriber needs logical`)
    subscriber = new Subscriber(publisher(), await createDatabase())
  })
  afterEach(async () => {
    await subscriber?.drop()
    subscriber = undefined
  })
  return () => {
    if (!subscriber) throw new Error('there is a subscriber only while a test runs')
    return subscriber
  }
}

/** A database with a subscription to another of the same server, applied by a real worker. */
export class Subscriber {
  readonly database: TestDatabase
  readonly #publisher: TestDatabase
  readonly #name = `unship_${randomBytes(6).toString('hex')}`
  #subscribed = false
  #beats = 0
  #worker: number | undefined

  constructor(publisher: TestDatabase, database: TestDatabase) {
    this.#publisher = publisher
    this.database = database
  }

  /** Subscribes; both sides have the same rows by now. Within one server the slot has to be made first. */
  async subscribe(...publications: readonly string[]): Promise<void> {
    await this.#publisher.query(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [this.#name])
    this.#subscribed = true
    const url = new URL(inject('server').url)
    const [server] = await this.#publisher.query<{ port: string }>(`select current_setting('port') as port`)
    const connection = Object.entries({
      host: '127.0.0.1',
      port: server?.port ?? '',
      dbname: this.#publisher.name,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    })
      .filter(([, value]) => value !== '')
      .map(([key, value]) => `${key}=${value}`)
      .join(' ')
    await this.database.query(
      `create subscription ${this.#name} connection ${pg.escapeLiteral(connection)}
       publication ${publications.map((p) => pg.escapeIdentifier(p)).join(', ')}
       with (create_slot = false, slot_name = ${this.#name}, copy_data = false)`,
    )
    await this.caughtUp()
    this.#worker = (await this.#state()).pid ?? undefined
  }

  /** The subscription's own statement: `refresh publication`, `set publication …`, for which it gets another worker. */
  async alter(what: string): Promise<void> {
    await this.expectNoErrors()
    await this.database.query(`alter subscription ${this.#name} ${what}`)
    await this.caughtUp()
    this.#worker = (await this.#state()).pid ?? undefined
  }

  /** Waits until all that was committed on the publisher is here. */
  async caughtUp(): Promise<void> {
    if (!(await this.arrives()))
      throw new Error(`the subscriber does not catch up: ${JSON.stringify(await this.#state())}`)
  }

  /** Whether what is written now arrives. */
  async arrives(withinMs = 20_000): Promise<boolean> {
    const n = ++this.#beats
    await this.#publisher.query('insert into heartbeat values ($1)', [n])
    const until = Date.now() + withinMs
    while (Date.now() < until) {
      const rows = await this.database.query('select from heartbeat where n = $1', [n])
      if (rows.length > 0) return true
      await sleep(20)
    }
    return false
  }

  /** No error since the subscription began: each would have ended the worker, and been counted. */
  async expectNoErrors(): Promise<void> {
    const { pid, errors } = await this.#state()
    expect({ pid, errors }).toEqual({ pid: this.#worker, errors: 0 })
  }

  async #state(): Promise<{ pid: number | null; errors: number }> {
    const errors = major() >= 15 ? '(apply_error_count + sync_error_count)::int' : '0'
    const [state] = await this.database.query<{ pid: number | null; errors: number }>(
      `select w.pid, ${major() >= 15 ? `(select ${errors} from pg_stat_subscription_stats e where e.subid = w.subid)` : errors} as errors
       from pg_stat_subscription w where w.subname = $1 and w.relid is null`,
      [this.#name],
    )
    return state ?? { pid: null, errors: 0 }
  }

  async drop(): Promise<void> {
    if (this.#subscribed) {
      await this.database.query(`alter subscription ${this.#name} disable`)
      await this.database.query(`alter subscription ${this.#name} set (slot_name = none)`)
      await this.database.query(`drop subscription ${this.#name}`)
      await this.#dropSlot()
    }
    await this.database.drop()
  }

  /** The worker lets go of its slot a moment after the subscription has gone. */
  async #dropSlot(): Promise<void> {
    for (let attempt = 0; attempt < 500; attempt++) {
      await this.#publisher.query(
        `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and not active`,
        [this.#name],
      )
      const left = await this.#publisher.query('select from pg_replication_slots where slot_name = $1', [this.#name])
      if (left.length === 0) return
      await sleep(20)
    }
    throw new Error(`replication slot ${this.#name} stays in use`)
  }
}
