import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inject } from 'vitest'

/** What pg_dump says about a database, comparable as text. */
export interface Dump {
  readonly schema: string
  /** The rows of each table sorted, for their order in the heap means nothing. */
  readonly data: string
}

/** Dumps a database, or returns undefined where no pg_dump on PATH is new enough for the server. */
export async function pgDump(url: string): Promise<Dump | undefined> {
  if (!inject('server').hasPgDump) return undefined
  const [schema, data] = await Promise.all([run(url, '--schema-only'), run(url, '--data-only')])
  return { schema: normalise(schema), data: sortRows(normalise(data)) }
}

async function run(url: string, ...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('pg_dump', [...options, `--dbname=${url}`], { maxBuffer: 2 ** 30 })
  return stdout
}

/** Leaves out what differs from run to run: versions, and the random key of \restrict. */
function normalise(dump: string): string {
  return dump.replace(/^(-- Dumped (from|by) .*|\\(un)?restrict .*)\n/gm, '')
}

function sortRows(dump: string): string {
  return dump.replace(
    /^(COPY .* FROM stdin;\n)([\s\S]*?)^\\\.$/gm,
    (_, head: string, rows: string) => `${head}${rows.split('\n').filter(Boolean).sort().join('\n')}\n\\.`,
  )
}
