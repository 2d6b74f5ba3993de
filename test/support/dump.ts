import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inject } from 'vitest'

/** What pg_dump says about a database's schema, comparable as text; undefined where no pg_dump on PATH is new enough for the server. */
export async function pgDumpSchema(url: string): Promise<string | undefined> {
  if (!inject('server').hasPgDump) return undefined
  const { stdout } = await promisify(execFile)('pg_dump', ['--schema-only', `--dbname=${url}`], { maxBuffer: 2 ** 30 })
  // what differs from run to run: versions, and the random key of \restrict
  return stdout.replace(/^(-- Dumped (from|by) .*|\\(un)?restrict .*)\n/gm, '')
}
