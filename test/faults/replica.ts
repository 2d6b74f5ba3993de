import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defaultMajor, findBinaries } from '../../src/embedded/binaries.ts'
import { freePort } from '../../src/embedded/port.ts'
import { startServer } from '../../src/embedded/process.ts'
import { serverUser } from '../../src/embedded/user.ts'
import type { OwnServer } from './own-server.ts'

/** Starts a server that streams from another, which is stopped once for its files to be copied. */
export async function startReplica(primary: OwnServer): Promise<{ url: string; stop: () => Promise<void> }> {
  const root = dirname(primary.dataDir)
  const user = serverUser()
  const binaries = findBinaries(defaultMajor(), root, user)
  await primary.crash()
  const dataDir = join(root, 'replica')
  cpSync(primary.dataDir, dataDir, { recursive: true })
  chmodSync(dataDir, 0o700)
  if (user) execFileSync('chown', ['-R', `${String(user.uid)}:${String(user.gid)}`, dataDir])
  await primary.start()
  writeFileSync(join(dataDir, 'standby.signal'), '')
  const port = await freePort()
  const settings = { primary_conninfo: primary.url, hot_standby: 'on', fsync: 'off', max_connections: '100' }
  const stop = await startServer({ binaries, user, dataDir, port, settings })
  const url = new URL(primary.url)
  url.port = String(port)
  return { url: url.href, stop }
}
