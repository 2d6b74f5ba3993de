import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BIN = join(ROOT, 'node_modules', 'kysely-ctl', 'dist', 'bin.mjs')
/** Saves a fifth of the time that a process takes to start. */
export const NODE_COMPILE_CACHE = join(ROOT, 'node_modules', '.cache', 'node')

/** How kysely-ctl ended, and what it said. */
export interface Run {
  readonly code: number | null
  readonly output: string
}

interface KyselyOptions {
  readonly cwd?: string
  readonly onOutput?: (text: string) => void
  /** Given the process, so that it can be interrupted. */
  readonly onStart?: (child: ChildProcess) => void
}

/** Runs the real kysely-ctl, with these settings of a connection and no others; consola keeps silent in tests. */
export async function kysely(
  command: string,
  settings: Record<string, string>,
  { cwd = ROOT, onOutput, onStart }: KyselyOptions = {},
): Promise<Run> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(PG|DATABASE_URL$|GITHUB_STEP_SUMMARY$|CI$|NODE_ENV$|TEST|VITEST)/.test(name),
  )
  const child = spawn(process.execPath, [BIN, command, '--no-outdated-check'], {
    cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', NODE_COMPILE_CACHE, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onStart?.(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      onOutput?.(text)
    })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}
