import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { connectAs } from './connect.ts'

/** The role that owns the demo and runs its migrations. */
export const OWNER = 'crm_owner'

/** What a test's database can be copied from. */
export type Template = 'empty' | 'demo'

/** The name of a template database of a run. */
export const templateName = (prefix: string, template: Template) => `${prefix}template_${template}`

const DEMO = new URL('../../demo/', import.meta.url)
const APPLICATION = 'kysely-unship tests'

interface Server {
  readonly version: string
  readonly number: number
  readonly fsync: boolean
}

/**
 * What one run keeps on the server: the roles, which stay, and databases whose
 * names begin with a prefix of this run's own, which go with it.
 */
export class Cluster {
  readonly prefix: string
  readonly version: string
  readonly versionNum: number
  /** How databases are copied, as an option of CREATE DATABASE. */
  readonly strategy: string
  readonly #url: string
  /** Its session shows that the run is alive: databases of runs without one are left over. */
  readonly #session: pg.Client

  private constructor(url: string, prefix: string, session: pg.Client, server: Server) {
    this.#url = url
    this.prefix = prefix
    this.#session = session
    this.version = server.version
    this.versionNum = server.number
    // file by file takes less than block by block through the log, where nothing is flushed; PostgreSQL 14 knows nothing else
    this.strategy = server.number >= 150_000 && !server.fsync ? ' strategy file_copy' : ''
  }

  /** Makes the roles and the template databases. */
  static async prepare(url: string): Promise<Cluster> {
    const prefix = `unship_${randomBytes(4).toString('hex')}_`
    const session = await connectAs(url, { application_name: `${APPLICATION} ${prefix}` })
    try {
      const { rows } = await session.query<Server & { superuser: boolean }>(`
        select
          current_setting('server_version') as version,
          current_setting('server_version_num')::int as number,
          current_setting('fsync')::bool as fsync,
          rolsuper as superuser
        from pg_catalog.pg_roles
        where rolname = current_user`)
      const server = rows[0]
      if (!server?.superuser) throw new Error('the tests need a superuser: they make roles and databases')
      const cluster = new Cluster(url, prefix, session, server)
      await cluster.#dropLeftovers()
      await session.query(await demoFile('roles.sql'))
      await cluster.#makeTemplate('empty', `alter schema public owner to ${OWNER}`)
      await cluster.#makeTemplate('demo', await demoFile('schema.sql'), await demoFile('data.sql'))
      return cluster
    } catch (error) {
      await session.end()
      throw error
    }
  }

  /** Drops every database of this run. */
  async cleanUp(): Promise<void> {
    await this.#drop((name) => name.startsWith(this.prefix))
    await this.#session.end()
  }

  async #makeTemplate(template: Template, ...scripts: string[]): Promise<void> {
    const name = templateName(this.prefix, template)
    await this.#session.query(`create database ${name} owner ${OWNER}`)
    const client = await connectAs(this.#url, { database: name })
    try {
      for (const script of scripts) await client.query(script)
    } finally {
      await client.end()
    }
  }

  /** A run that was killed leaves its databases: those of runs that no longer have a session. */
  async #dropLeftovers(): Promise<void> {
    const { rows } = await this.#session.query<{ application_name: string }>(
      'select application_name from pg_catalog.pg_stat_activity where application_name like $1',
      [`${APPLICATION} %`],
    )
    const alive = new Set(rows.map((row) => row.application_name))
    await this.#drop((name) => {
      const prefix = /^unship_[0-9a-f]{8}_/.exec(name)?.[0]
      return prefix !== undefined && !alive.has(`${APPLICATION} ${prefix}`)
    })
  }

  async #drop(matches: (name: string) => boolean): Promise<void> {
    const { rows } = await this.#session.query<{ datname: string }>('select datname from pg_catalog.pg_database')
    for (const { datname } of rows)
      if (matches(datname)) {
        await this.#dropSubscriptions(datname)
        await this.#session.query(`drop database if exists ${pg.escapeIdentifier(datname)} with (force)`)
      }
  }

  /** A subscription would keep its database; the slot that it reads from may be gone. */
  async #dropSubscriptions(database: string): Promise<void> {
    const { rows } = await this.#session.query<{ subname: string }>(
      `select subname from pg_catalog.pg_subscription s join pg_catalog.pg_database d on d.oid = s.subdbid where d.datname = $1`,
      [database],
    )
    if (rows.length === 0) return
    const client = await connectAs(this.#url, { database })
    try {
      for (const name of rows.map(({ subname }) => pg.escapeIdentifier(subname))) {
        await client.query(`alter subscription ${name} disable`)
        await client.query(`alter subscription ${name} set (slot_name = none)`)
        await client.query(`drop subscription ${name}`)
      }
    } finally {
      await client.end()
    }
  }
}

const demoFile = (name: string) => readFile(new URL(name, DEMO), 'utf8')
