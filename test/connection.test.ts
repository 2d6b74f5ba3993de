import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { connectionPool } from '../src/connection.ts'
import type { UnshipError } from '../src/errors.ts'

/** The error that these variables give. */
async function failure(environment: Record<string, string>): Promise<UnshipError> {
  const pool = await connectionPool(environment).catch((error: unknown) => error as UnshipError)
  if (pool instanceof Error) return pool
  await pool.end()
  throw new Error('connected')
}

/** A URL of a test's own server, which is up, with parts changed. */
function urlOf(change: (url: URL) => void): string {
  const url = new URL(inject('server').url)
  change(url)
  return url.href
}

describe('without settings', () => {
  test.each([
    {},
    { DATABASE_URL: '' },
    { DATABASE_URL: '  ', PGHOST: '' },
    { PGHOST: 'localhost' },
    { PGDATABASE: 'crm' },
    { PGUSER: 'me', PGPORT: '5432', PGPASSWORD: 'secret' },
    { PGSERVICE: 'crm' },
  ])('%o names no server', async (environment) => {
    const error = await failure(environment)
    expect(error.code).toBe('no_connection_settings')
    expect(error.primary).toBe('no connection settings')
    expect(error.hint).toContain('DATABASE_URL')
  })

  test('the detail tells what was looked for', async () => {
    const error = await failure({ DATABASE_URL: '', PGHOST: 'db.example', PGSERVICE: 'crm' })
    expect(error.detail).toBe(
      'DATABASE_URL is empty, PGHOST is set, PGDATABASE is not set. PGSERVICE is set, which pg does not read.',
    )
  })
})

describe('a URL that cannot be used', () => {
  test.each([
    ['no URL', 'secret'],
    ['of another database', 'mysql://me:secret@localhost/crm'],
    ['no host', 'postgres:///crm'],
    ['no database', 'postgres://me:secret@localhost'],
    ['no database after the slash', 'postgres://me:secret@localhost:5432/'],
    ['an unescaped # in the password', 'postgres://me:1#secret@localhost/crm'],
    ['an unescaped / in the password', 'postgres://me:1/secret@localhost/crm'],
    ['an unescaped ? in the password', 'postgres://me:1?secret@localhost/crm'],
  ])('%s', async (_, url) => {
    const error = await failure({ DATABASE_URL: url })
    expect(error.code).toBe('no_connection_settings')
    expect(error.primary).toBe('DATABASE_URL cannot be used')
    expect(error.message).not.toContain('secret')
    expect(error.cause).toBeUndefined()
  })

  test.each([
    ['sslrootcert', '/nowhere/root.crt', 'no such file'],
    ['sslcert', import.meta.dirname, 'it is a directory'],
    ['sslkey', 'nowhere.key', 'no such file'],
  ])('%s that names a file which cannot be read', async (parameter, file, why) => {
    const error = await failure({ DATABASE_URL: `postgres://me:secret@localhost/crm?${parameter}=${file}` })
    expect(error.code).toBe('no_connection_settings')
    expect(error.primary).toBe(`DATABASE_URL cannot be used: ${parameter} names a file that cannot be read`)
    expect(error.detail).toBe(`${file}: ${why}.`)
    expect(error.message).not.toContain('secret')
  })

  test('a port that is none', async () => {
    const error = await failure({ PGHOST: 'localhost', PGDATABASE: 'crm', PGPORT: 'tcp' })
    expect(error.code).toBe('no_connection_settings')
    expect(error.detail).toBe('PGPORT is "tcp", which is no port.')
  })
})

describe('a server that cannot be reached', () => {
  let silent: Server | undefined

  afterEach(() => {
    silent?.close()
    silent = undefined
  })

  test('nobody listens', async () => {
    const error = await failure({ DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/crm' })
    expect(error.code).toBe('server_unreachable')
    expect(error.primary).toBe('cannot connect to the server at "127.0.0.1", port 1: connection refused')
    expect(error.detail).toBe('Tried as user "me" in database "crm".\nconnect ECONNREFUSED 127.0.0.1:1')
    expect(error.message).not.toContain('secret')
    expect(error.cause).toBeInstanceOf(Error)
  })

  test('PG* variables name it too', async () => {
    const error = await failure({
      PGHOST: '127.0.0.1',
      PGPORT: '1',
      PGDATABASE: 'crm',
      PGUSER: 'me',
      PGPASSWORD: 'secret',
    })
    expect(error.code).toBe('server_unreachable')
    expect(error.primary).toContain('"127.0.0.1", port 1')
    expect(error.detail).toContain('Tried as user "me" in database "crm".')
    expect(error.message).not.toContain('secret')
  })

  test('nobody knows the host', async () => {
    const error = await failure({ DATABASE_URL: 'postgres://me@no-such-host.invalid/crm' })
    expect(error.code).toBe('server_unreachable')
    expect(error.primary).toMatch(
      /"no-such-host\.invalid", port 5432: (unknown host|the host name could not be resolved)$/,
    )
  })

  test('no socket there', async () => {
    const error = await failure({ DATABASE_URL: 'postgres://me:secret@/crm?host=/no/such/directory' })
    expect(error.code).toBe('server_unreachable')
    expect(error.primary).toBe('cannot connect to the socket /no/such/directory/.s.PGSQL.5432: no such socket')
  })

  test('nobody answers', async () => {
    silent = createServer()
    await new Promise<void>((resolve) => silent?.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const error = await failure({ DATABASE_URL: `postgres://me:secret@127.0.0.1:${port}/crm`, PGCONNECT_TIMEOUT: '1' })
    expect(error.code).toBe('server_unreachable')
    expect(error.primary).toBe(`cannot connect to the server at "127.0.0.1", port ${port}: no answer within 1 s`)
  })

  test('a database that does not exist', async () => {
    const error = await failure({ DATABASE_URL: urlOf((url) => (url.pathname = '/no_such_database')) })
    expect(error.code).toBe('server_unreachable')
    expect(error.primary).toMatch(/: no such database$/)
    expect(error.detail).toContain('database "no_such_database" does not exist')
  })
})

describe('a server that answers', () => {
  test('gives a pool that says who it is', async () => {
    const pool = await connectionPool({ DATABASE_URL: inject('server').url })
    expect(await applicationName(pool)).toBe('kysely-unship')
    await pool.end()
  })

  test('another application name is kept', async () => {
    const url = inject('server').url
    const byUrl = await connectionPool({ DATABASE_URL: urlOf((u) => u.searchParams.set('application_name', 'deploy')) })
    const byVariable = await connectionPool({ DATABASE_URL: url, PGAPPNAME: 'deploy 2' })
    expect(await applicationName(byUrl)).toBe('deploy')
    expect(await applicationName(byVariable)).toBe('deploy 2')
    await Promise.all([byUrl.end(), byVariable.end()])
  })

  test('a connection that dies fails its query, not the process', async () => {
    const pool = await connectionPool({ DATABASE_URL: inject('server').url })
    const client = await pool.connect()
    await expect(client.query('select pg_terminate_backend(pg_backend_pid())')).rejects.toThrow()
    client.release(true)
    expect(await applicationName(pool)).toBe('kysely-unship')
    await pool.end()
  })
})

async function applicationName(pool: Awaited<ReturnType<typeof connectionPool>>): Promise<string | undefined> {
  const { rows } = await pool.query<{ name: string }>("select current_setting('application_name') as name")
  return rows[0]?.name
}
