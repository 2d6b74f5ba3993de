import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { defaultMajor, findBinaries } from '../../src/embedded/binaries.ts'
import { fastestDirectory } from '../../src/embedded/directories.ts'
import { guard, leftoverPrefix } from '../../src/embedded/leftovers.ts'
import { freePort } from '../../src/embedded/port.ts'
import { initCluster, startServer } from '../../src/embedded/process.ts'
import { serverUser } from '../../src/embedded/user.ts'

/** A server that a test may stop as a power failure would, and start again. */
export interface OwnServer {
  readonly url: string
  readonly dataDir: string
  /** What `pg_ctl stop -m immediate` does. */
  readonly crash: () => Promise<void>
  readonly start: (settings?: Readonly<Record<string, string>>) => Promise<void>
  /** Stops it and removes its data. */
  readonly remove: () => Promise<void>
}

/** Commits wait for the log, as they do in earnest; the disk itself is not at risk. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', jit: 'off', max_connections: '100' }

export async function startOwnServer(more: Readonly<Record<string, string>> = {}): Promise<OwnServer> {
  const user = serverUser()
  const root = mkdtempSync(join(fastestDirectory(), leftoverPrefix(false)))
  if (user) chmodSync(root, 0o711)
  const binaries = findBinaries(defaultMajor(), root, user)
  const dataDir = join(root, 'data')
  const password = randomBytes(12).toString('hex')
  await initCluster({ binaries, user, dataDir, password })
  const port = await freePort()
  let stop: Awaited<ReturnType<typeof startServer>> | undefined
  const unguard = guard(root, { keepData: false })
  const start = async (settings: Readonly<Record<string, string>> = {}) => {
    stop = await startServer({ binaries, user, dataDir, port, settings: { ...SETTINGS, ...more, ...settings } })
  }
  await start()
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${String(port)}/postgres`,
    dataDir,
    start,
    crash: async () => await stop?.('immediate'),
    async remove() {
      await stop?.('immediate')
      unguard()
      rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    },
  }
}
