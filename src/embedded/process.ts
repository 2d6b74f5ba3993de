import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { platform } from 'node:os'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import type { ServerUser } from './user.ts'

interface Cluster {
  readonly binaries: Binaries
  readonly user: ServerUser | undefined
  readonly dataDir: string
}

/** The server ended before it accepted connections. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError'

  /** Whether its port was taken by another process. */
  readonly portTaken: boolean

  constructor(log: string) {
    super(`the embedded PostgreSQL server did not start: ${log.trim().split('\n').slice(-3).join(' | ')}`)
    this.portTaken = /address already in use/i.test(log)
  }
}

/** Creates a cluster whose superuser is `postgres` unless told. */
export async function initCluster({
  binaries,
  user,
  dataDir,
  superuser = 'postgres',
  password,
}: Cluster & { superuser?: string | undefined; password: string }): Promise<void> {
  mkdirSync(dataDir, { mode: 0o700 })
  const passwordFile = `${dataDir}.password`
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  if (user) for (const path of [dataDir, passwordFile]) chownSync(path, user.uid, user.gid)
  try {
    await promisify(execFile)(
      binaries.initdb,
      [
        `--pgdata=${dataDir}`,
        `--username=${superuser}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        `--locale=${platform() === 'linux' ? 'C.UTF-8' : 'C'}`,
        '--lc-messages=C',
        '--no-sync',
      ],
      { ...user, cwd: dataDir },
    )
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** How a server is stopped: `fast` ends its sessions first, `immediate` leaves it to recover at its next start. */
export type StopMode = 'fast' | 'immediate'

/** Starts the server and waits until it accepts connections. Returns what stops it. */
export async function startServer(
  cluster: Cluster & { readonly port: number; readonly settings: Readonly<Record<string, string>> },
): Promise<(mode?: StopMode) => Promise<void>> {
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...cluster.settings }
  const child = spawn(
    cluster.binaries.postgres,
    [
      ...['-D', cluster.dataDir, '-p', String(cluster.port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    // a process group of its own: Ctrl-C is for the program that uses the server
    { ...cluster.user, cwd: cluster.dataDir, detached: platform() !== 'win32', stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const stopAtExit = () => void child.kill('SIGINT')
  process.once('exit', stopAtExit)
  child.once('exit', () => process.off('exit', stopAtExit))
  await ready(child)
  child.unref() // a program that forgets to stop the server still ends, and the server with it
  return async (mode = 'fast') => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await gone
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    const read = (chunk: Buffer) => {
      log += chunk.toString()
      if (!log.includes('database system is ready to accept')) return
      child.stderr?.off('data', read)
      child.stderr?.resume() // or a full pipe would hold up the server
      if (child.stderr instanceof Socket) child.stderr.unref()
      resolve()
    }
    child.stderr?.on('data', read)
    child.once('error', reject)
    child.once('close', () => reject(new ServerStartError(log)))
  })
}
