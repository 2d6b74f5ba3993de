import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BIN = join(dirname(createRequire(import.meta.url).resolve('kysely-ctl/package.json')), 'dist', 'bin.mjs')

/** Runs the real kysely-ctl with the project's own configuration; its output is shown as it is. */
export async function runKysely(command: string, databaseUrl: string, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [BIN, command, '--no-outdated-check'], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const interrupt = () => void child.kill('SIGTERM')
  signal.addEventListener('abort', interrupt)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    signal.throwIfAborted()
    if (code !== 0) throw new Error(`kysely ${command} failed`)
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}
