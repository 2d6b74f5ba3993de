import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { NODE_COMPILE_CACHE, ROOT } from '../support/kysely-ctl.ts'

const BIN = join(ROOT, 'dist', 'cli', 'main.js')

/** How the command ended, and what it printed where. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface UnshipOptions {
  readonly cwd?: string
  readonly bin?: string
  /** File descriptors to write to instead of what `Ended` tells. */
  readonly out?: number | 'pipe'
  readonly err?: number | 'pipe'
}

/** Runs the built `unship` with these settings of a connection and no others. */
export async function unship(
  words: readonly string[],
  settings: Record<string, string> = {},
  { cwd = ROOT, bin = BIN, out = 'pipe', err = 'pipe' }: UnshipOptions = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...words], {
    cwd,
    env: environment(settings),
    stdio: ['ignore', out, err],
  })
  const printed = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed.out += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (printed.err += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...printed }
}

/** The same, while this process stands still. */
export function unshipAtOnce(words: readonly string[], settings: Record<string, string>): Ended {
  const options = { cwd: ROOT, env: environment(settings), encoding: 'utf8' } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...words], options)
  return { code: status, out: stdout, err: stderr }
}

function environment(settings: Record<string, string>): Record<string, string | undefined> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(PG|DATABASE_URL$|CI$|GITHUB|UNSHIP|NODE_ENV$|TEST|VITEST)/.test(name),
  )
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', NODE_COMPILE_CACHE, ...settings }
}

/** What it printed with `--json`. */
export const json = ({ out }: Ended): any => JSON.parse(out)

/** A folder with these files, within the repository, so that packages are found. It goes with the test. */
export async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(ROOT, 'test', 'tmp-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

export const CONFIG = `
  import { defineConfig } from 'kysely-ctl'
  import { MigrationDialect, connectionPool } from 'kysely-unship'
  export default defineConfig({
    dialect: new MigrationDialect({ pool: () => connectionPool() }),
    migrations: { migrationFolder: 'migrations', disableTransactions: true },
  })`

/** A migration that removes a feature. */
export const migration = (declaration: object): string => `
  import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
  export const feature = defineFeature()(${JSON.stringify(declaration)})
  export const up = (db: any) => removeFeature(db, feature)
  export const down = (db: any) => restoreFeature(db, feature)`
