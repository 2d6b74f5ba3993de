import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CpuTime } from './cpu.ts'

export type Contender = 'plain' | 'product'
export type Direction = 'removal' | 'restore'

/** How a command's process ended. */
export interface Ended {
  readonly ok: boolean
  /** From its start to its end, start-up included. */
  readonly wallMs: number
  readonly output: string
  /** Its largest resident set; null where the system does not tell. */
  readonly memoryMB: number | null
  readonly cpuMs: number | null
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const KYSELY = join(dirname(createRequire(import.meta.url).resolve('kysely-ctl/package.json')), 'dist', 'bin.mjs')
const MEMORY_EVERY_MS = 50

const commands: Record<Contender, Record<Direction, readonly string[]>> = {
  plain: {
    removal: [join(ROOT, 'bench', 'plain.ts'), join(ROOT, 'bench', 'plain-remove.sql')],
    restore: [join(ROOT, 'bench', 'plain.ts'), join(ROOT, 'bench', 'plain-restore.sql')],
  },
  product: {
    removal: [KYSELY, 'migrate:latest', '--no-outdated-check'],
    restore: [KYSELY, 'migrate:down', '--no-outdated-check'],
  },
}

/** Runs a command as a project would: a process of its own, with the database in its environment. */
export async function runCommand(
  contender: Contender,
  direction: Direction,
  databaseUrl: string,
  signal: AbortSignal,
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|DATABASE_URL$|NODE_ENV$)/.test(name))
  const started = performance.now()
  const child = spawn(process.execPath, commands[contender][direction], {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  let memoryMB: number | null = null
  const cpu = new CpuTime()
  const watch = setInterval(() => {
    memoryMB = largest(memoryMB, residentMB(child.pid))
    if (child.pid !== undefined) cpu.look([child.pid])
  }, MEMORY_EVERY_MS)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return { ok: code === 0, wallMs: performance.now() - started, output, memoryMB, cpuMs: cpu.totalMs }
  } finally {
    clearInterval(watch)
    signal.removeEventListener('abort', kill)
    signal.throwIfAborted()
  }
}

const largest = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b))

/** The highest that a process's resident set has been, on Linux. */
function residentMB(pid: number | undefined): number | null {
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
    const [, kB] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? []
    return kB === undefined ? null : Number(kB) / 1024
  } catch {
    return null // not Linux, or it has just ended
  }
}
