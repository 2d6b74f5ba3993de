import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest'
import { OWNER, templateName, type Template } from './cluster.ts'
import { connectAs, createPool, urlWith } from './connect.ts'

/** What a test's database starts as. */
export interface DatabaseOptions {
  /** `empty` unless told: only the roles and schema public, which crm_owner owns. */
  readonly template?: Template
  /** UTF8 unless told; another one starts without the template. */
  readonly encoding?: string
}

const POOL_SIZE = 10

/** Creates a database of its own for a test: a copy of a template. */
export async function createDatabase({ template = 'empty', encoding }: DatabaseOptions = {}): Promise<TestDatabase> {
  const { prefix, strategy } = inject('server')
  const name = `${prefix}${randomBytes(6).toString('hex')}`
  const from =
    encoding === undefined
      ? templateName(prefix, template)
      : `template0 encoding '${encoding}' lc_collate 'C' lc_ctype 'C'`
  await maintain(`create database ${name} template ${from} owner ${OWNER}${strategy}`)
  const database = new TestDatabase(name)
  if (encoding !== undefined) await database.query(`alter schema public owner to ${OWNER}`)
  return database
}

/** Gives each test of the current suite a database of its own. Read it inside of tests and hooks. */
export function useDatabase(options?: DatabaseOptions): () => TestDatabase {
  let database: TestDatabase | undefined
  beforeEach(async () => {
    database = await createDatabase(options)
  })
  afterEach(async () => {
    await database?.drop()
    database = undefined
  })
  return () => {
    if (!database) throw new Error('there is a database only while a test runs')
    return database
  }
}

/** One database for all tests of the current suite, where each leaves it as it found it. */
export function useSharedDatabase(options?: DatabaseOptions): () => TestDatabase {
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await createDatabase(options)
  })
  afterAll(async () => {
    await database?.drop()
    database = undefined
  })
  return () => {
    if (!database) throw new Error('there is a database only while the suite runs')
    return database
  }
}

/** One database of a test's, with the connections to it. */
export class TestDatabase {
  readonly name: string
  /** As the superuser. */
  readonly url: string
  /** As crm_owner. */
  readonly ownerUrl: string
  /** A pool as the superuser. */
  readonly admin: Kysely<any>
  /** A pool as crm_owner, who owns the demo and runs migrations. */
  readonly db: Kysely<any>
  readonly #adminPool: pg.Pool
  readonly #clients: pg.Client[] = []

  constructor(name: string) {
    this.name = name
    this.url = urlWith(inject('server').url, { database: name })
    this.ownerUrl = urlWith(this.url, { user: OWNER, password: OWNER })
    this.#adminPool = createPool(withoutJit(this.url), POOL_SIZE)
    this.admin = new Kysely({ dialect: new PostgresDialect({ pool: this.#adminPool }) })
    this.db = new Kysely({ dialect: new PostgresDialect({ pool: createPool(this.ownerUrl, POOL_SIZE) }) })
  }

  /** Runs SQL as the superuser and returns the rows; of several statements, the last one's. */
  async query<Row extends pg.QueryResultRow = any>(sql: string, params?: readonly unknown[]): Promise<Row[]> {
    const result = await this.#adminPool.query<Row>(sql, params && [...params])
    const results: pg.QueryResult<Row>[] = Array.isArray(result) ? result : [result]
    return results.at(-1)?.rows ?? []
  }

  /** A connection of its own as this role, or as the superuser with `admin`. It is closed with the database. */
  async connect(role: string = OWNER): Promise<pg.Client> {
    const client = await connectAs(role === OWNER ? this.ownerUrl : this.url)
    this.#clients.push(client)
    if (role !== OWNER && role !== 'admin') await client.query(`set session authorization ${pg.escapeIdentifier(role)}`)
    return client
  }

  /** Another database with the same objects and rows; nobody may be connected to this one. */
  async copy(): Promise<TestDatabase> {
    const name = `${this.name}_copy`
    await maintain(`create database ${name} template ${this.name} owner ${OWNER}${inject('server').strategy}`)
    return new TestDatabase(name)
  }

  /** Ends every session in the database, whatever it is doing, and drops it. */
  async drop(): Promise<void> {
    await this.#releaseHolds()
    await this.#endSessions()
    await maintain(`drop database if exists ${this.name} with (force)`)
    await Promise.all([this.db.destroy(), this.admin.destroy(), ...this.#clients.map((client) => client.end())])
  }

  /** DROP DATABASE does it too, but looks only every 100 ms whether they have gone. */
  async #endSessions(): Promise<void> {
    const end = `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = '${this.name}'`
    for (let attempt = 0; attempt < 20 && (await maintain(end)).rowCount !== 0; attempt++) await sleep(5)
  }

  /** Prepared transactions and replication slots outlive their sessions and would keep the database. */
  async #releaseHolds(): Promise<void> {
    const prepared = await this.query<{ gid: string }>(
      'select gid from pg_catalog.pg_prepared_xacts where database = current_database()',
    )
    for (const { gid } of prepared) await this.query(`rollback prepared ${pg.escapeLiteral(gid)}`)
    await this.query(`
      select pg_catalog.pg_drop_replication_slot(slot_name)
      from pg_catalog.pg_replication_slots
      where database = current_database()
        and not active`)
  }
}

/** Compiling the catalog queries that compare states takes longer than running them. */
function withoutJit(url: string): string {
  const changed = new URL(url)
  changed.searchParams.set('options', '-c jit=off')
  return changed.href
}

let maintenance: pg.Pool | undefined

/** Runs a statement outside of the tests' databases, on this worker's own connection. */
async function maintain(sql: string): Promise<pg.QueryResult> {
  maintenance ??= createPool(inject('server').url, 1)
  return await maintenance.query(sql)
}
