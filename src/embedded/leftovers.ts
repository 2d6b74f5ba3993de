import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { platform } from 'node:os'
import { basename, join } from 'node:path'
import { temporaryDirectories } from './directories.ts'

const PREFIX = 'kysely-unship-postgres-'

/** How the directory of a server begins that this process starts: its pid says whose it is. */
export function leftoverPrefix(persistent: boolean): string {
  return persistent ? `${PREFIX}kept-` : `${PREFIX}${process.pid}-`
}

/**
 * Watches over a server's directory from a process of its own: when this one
 * ends without stopping the server, as SIGKILL makes it, the watcher stops the
 * server and removes the directory. Returns what ends the watch.
 */
export function guard(directory: string, options: { keepData: boolean }): () => void {
  if (platform() === 'win32') return () => undefined
  const watcher = spawn('sh', ['-c', GUARD, String(process.pid), directory, options.keepData ? 'keep' : 'remove'], {
    detached: true,
    stdio: 'ignore',
  })
  watcher.unref()
  return () => watcher.kill()
}

const GUARD = `
while kill -0 "$0" 2>/dev/null; do sleep 1; done
file="$1/data/postmaster.pid"
[ -f "$file" ] && kill -INT "$(head -n 1 "$file")" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -f "$file" ] || break; sleep 1; done
[ "$2" = keep ] || rm -rf "$1"
`

/** Stops and removes what processes left that are gone together with their watcher. */
export function sweepLeftovers(): void {
  for (const path of temporaryDirectories().flatMap((parent) =>
    readdirSync(parent).map((name) => join(parent, name)),
  )) {
    const name = basename(path)
    const owner = name.startsWith(PREFIX) ? /^(\d+)-/.exec(name.slice(PREFIX.length))?.[1] : undefined
    if (owner === undefined || isAlive(Number(owner))) continue
    try {
      stopServerOf(join(path, 'data'))
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
    } catch {
      // another user's, or its watcher is removing it right now
    }
  }
}

function stopServerOf(dataDir: string): void {
  const pidFile = join(dataDir, 'postmaster.pid')
  if (!existsSync(pidFile)) return
  const [pid, directory] = readFileSync(pidFile, 'utf8').split('\n')
  if (directory === dataDir && isAlive(Number(pid))) process.kill(Number(pid), 'SIGINT')
}

/** Whether a process with this id exists, another user's included. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
