import { execFileSync } from 'node:child_process'

/** Whether the pg_dump on PATH can read a server of this version; says so where it cannot. */
export function findPgDump(serverVersionNum: number): boolean {
  const serverMajor = Math.floor(serverVersionNum / 10_000)
  const major = pgDumpMajor()
  if (major !== undefined && major >= serverMajor) return true
  const reason = major === undefined ? 'there is none on PATH' : `the one on PATH is of PostgreSQL ${major}`
  console.log(`pg_dump is not compared with: ${reason}, the server is ${serverMajor}`)
  return false
}

export function pgDumpMajor(): number | undefined {
  try {
    const version = execFileSync('pg_dump', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const major = /\(PostgreSQL\) (\d+)/.exec(version)?.[1]
    return major === undefined ? undefined : Number(major)
  } catch {
    return undefined
  }
}
