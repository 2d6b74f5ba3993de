import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { UnshipError } from '../errors.ts'
import { withoutPasswords } from '../secrets.ts'

/**
 * What `pg_dump --schema-only` writes of a database. It takes ACCESS SHARE on all tables, and waits for
 * nobody longer than a few seconds. The password is not on the command line, which others can read.
 *
 * @throws {UnshipError} `no_schema_dump` where there is no pg_dump, it is older than the server, or it fails.
 */
export async function dumpSchema(url: string): Promise<string> {
  const target = new URL(url)
  const password = decodeURIComponent(target.password) || target.searchParams.get('password')
  target.password = ''
  target.searchParams.delete('password')
  try {
    const { stdout } = await promisify(execFile)(
      'pg_dump',
      ['--schema-only', '--no-password', '--lock-wait-timeout=5s', `--dbname=${target.href}`],
      { maxBuffer: 2 ** 30, env: { ...process.env, ...(password && { PGPASSWORD: password }) } },
    )
    return stdout
  } catch (error) {
    throw new UnshipError({
      code: 'no_schema_dump',
      message: 'the schema could not be dumped',
      detail: withoutPasswords(whyNot(error)),
      hint: 'Run pg_dump --schema-only where a pg_dump as new as the server is, and name its file with --schema.',
      cause: error,
    })
  }
}

function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT') return 'There is no pg_dump on PATH.'
  return 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : error.message
}
