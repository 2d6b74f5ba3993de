import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { startEmbedded, type EmbeddedServer } from '../demo/embedded.ts'
import { dataScript, rolesScript, schemaScript } from './data.ts'
import type { Scale } from './scales.ts'

/**
 * What a production server would have. fsync and its like are on by default; they are turned off only while the data is
 * made. No checkpoint comes in between by size, and none by time within ten minutes.
 */
const settings = {
  shared_buffers: '2GB',
  max_wal_size: '16GB',
  checkpoint_timeout: '10min',
  checkpoint_completion_target: '0.9',
  effective_cache_size: '8GB',
  random_page_cost: '1.1',
  track_commit_timestamp: 'off',
  max_connections: '60',
}

const slow = ['fsync', 'synchronous_commit', 'full_page_writes'] as const

/** A database that one contender works on. */
export interface BenchDatabase {
  readonly name: string
  readonly adminUrl: string
  readonly ownerUrl: string
  readonly appUrl: string
}

/** The benchmark's own server, with a template of each scale's data. */
export class BenchServer {
  readonly #server: EmbeddedServer
  readonly #admin: pg.Client
  readonly version: string
  #copies = 0

  private constructor(server: EmbeddedServer, admin: pg.Client, version: string) {
    this.#server = server
    this.#admin = admin
    this.version = version
  }

  static async start(major?: number): Promise<BenchServer> {
    const server = await startEmbedded({ settings, ...(major !== undefined && { major }) })
    const admin = new pg.Client({ connectionString: server.url })
    admin.on('error', () => undefined)
    await admin.connect()
    const { rows } = await admin.query<{ server_version: string }>('show server_version')
    await admin.query(await rolesScript())
    return new BenchServer(server, admin, rows[0]?.server_version ?? 'unknown')
  }

  async stop(): Promise<void> {
    await this.#admin.end().catch(() => undefined)
    await this.#server.stop()
  }

  /** Makes a scale's data once; copies of it are cheap. */
  async createTemplate(scale: Scale): Promise<string> {
    const name = `template_${scale.name.toLowerCase()}`
    for (const setting of slow) await this.#admin.query(`alter system set ${setting} = off`)
    await this.#admin.query('select pg_reload_conf()')
    await this.#admin.query(`create database ${name} owner crm_owner`)
    const client = new pg.Client({ connectionString: this.#url(name) })
    await client.connect()
    try {
      await client.query(await schemaScript())
      await client.query(dataScript(scale))
      // so that no run meets work that another left behind
      await client.query('vacuum (freeze, analyze)')
    } finally {
      await client.end()
    }
    for (const setting of slow) await this.#admin.query(`alter system reset ${setting}`)
    await this.#admin.query('select pg_reload_conf()')
    await this.#settle()
    return name
  }

  /** A fresh copy of a template. */
  async copy(template: string): Promise<BenchDatabase> {
    const name = `run_${String(++this.#copies)}`
    await this.#admin.query(`create database ${name} owner crm_owner template ${template} strategy file_copy`)
    await this.#settle()
    return {
      name,
      adminUrl: this.#url(name),
      ownerUrl: this.#url(name, 'crm_owner'),
      appUrl: this.#url(name, 'crm_app'),
    }
  }

  async drop({ name }: Pick<BenchDatabase, 'name'>): Promise<void> {
    await this.#admin.query(`drop database if exists ${name} with (force)`)
  }

  /** Writes out what is dirty, so that no run pays for what came before it. */
  async #settle(): Promise<void> {
    await this.#admin.query('checkpoint')
    await promisify(execFile)('sync').catch(() => undefined)
  }

  #url(database: string, role?: string): string {
    const url = new URL(this.#server.url)
    url.pathname = `/${database}`
    // the demo's roles have their names for passwords
    if (role !== undefined) url.username = url.password = role
    return url.href
  }
}
