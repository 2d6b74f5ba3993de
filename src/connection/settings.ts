import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { PoolConfig } from 'pg'
import { value, type Environment } from '../environment.ts'
import { UnshipError } from '../errors.ts'

/**
 * The server and database that the environment names: `DATABASE_URL`, or else
 * `PGHOST` and `PGDATABASE`.
 *
 * Neither host nor database is ever guessed: a pipeline in which a variable is
 * missing must fail, not migrate the database that happens to listen on
 * localhost. Port, user and password have PostgreSQL's own defaults (5432, the
 * system user, .pgpass).
 */
export function connectionSettings(environment: Environment): PoolConfig {
  const url = value(environment, 'DATABASE_URL')
  return url === undefined ? settingsFromVariables(environment) : settingsFromUrl(url, environment)
}

function settingsFromVariables(environment: Environment): PoolConfig {
  const host = value(environment, 'PGHOST')
  const database = value(environment, 'PGDATABASE')
  if (host === undefined || database === undefined) throw noSettings(environment)
  const password = value(environment, 'PGPASSWORD')
  const port = value(environment, 'PGPORT') ?? '5432'
  if (!/^\d{1,5}$/.test(port))
    throw new UnshipError({
      code: 'no_connection_settings',
      message: 'the connection settings cannot be used',
      detail: `PGPORT is "${port}", which is no port.`,
      hint: HINT,
    })
  return {
    host,
    database,
    port: Number(port),
    user: value(environment, 'PGUSER') ?? userInfo().username,
    ...(password !== undefined && { password }),
  }
}

/** pg would take the missing parts from its defaults: localhost, and a database named after the user. */
function settingsFromUrl(text: string, environment: Environment): PoolConfig {
  const url = parse(text)
  // an unescaped character of a password that ends the part before the host
  if (url?.hash !== '' || url.pathname.includes('@')) throw unusableUrl('It is no URL that PostgreSQL understands')
  if (url.hostname === '' && !url.searchParams.get('host') && value(environment, 'PGHOST') === undefined)
    throw unusableUrl('It names no host')
  if (url.pathname.length < 2 && value(environment, 'PGDATABASE') === undefined)
    throw unusableUrl('It names no database')
  for (const name of CERTIFICATES) refuseUnreadable(name, url.searchParams.get(name))
  return { connectionString: text }
}

/** Parameters that name files, which pg reads. */
const CERTIFICATES = ['sslrootcert', 'sslcert', 'sslkey']

function refuseUnreadable(parameter: string, file: string | null): void {
  if (!file) return
  try {
    readFileSync(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new UnshipError({
      code: 'no_connection_settings',
      message: `DATABASE_URL cannot be used: ${parameter} names a file that cannot be read`,
      detail: `${file}: ${UNREADABLE[code] ?? code}.`,
      hint: `Check the path, which counts from the working directory where it is not absolute, and that this user may read it.`,
      cause: error,
    })
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}

/** `user@/database?host=/directory`, which names a socket, is no URL to the parser. */
function parse(text: string): URL | undefined {
  if (!/^postgres(ql)?:\/\//i.test(text)) return undefined
  if (URL.canParse(text)) return new URL(text)
  const withHost = text.replace('@/', '@socket/')
  if (!URL.canParse(withHost)) return undefined
  const url = new URL(withHost)
  return url.searchParams.get('host') ? url : undefined
}

const HINT =
  'Set DATABASE_URL to postgres://user:password@host:port/database, or PGHOST, PGDATABASE and what else differs from the defaults.'

function noSettings(environment: Environment): UnshipError {
  const names = ['DATABASE_URL', 'PGHOST', 'PGDATABASE'].map(
    (name) => `${name} is ${state(environment[name], value(environment, name))}`,
  )
  const service = value(environment, 'PGSERVICE') === undefined ? '' : ' PGSERVICE is set, which pg does not read.'
  return new UnshipError({
    code: 'no_connection_settings',
    message: 'no connection settings',
    detail: `${names.join(', ')}.${service}`,
    hint: HINT,
  })
}

function state(raw: string | undefined, used: string | undefined): string {
  if (used !== undefined) return 'set'
  return raw === undefined ? 'not set' : 'empty'
}

/** The URL is not shown: it holds a password. */
const unusableUrl = (why: string) =>
  new UnshipError({
    code: 'no_connection_settings',
    message: 'DATABASE_URL cannot be used',
    detail: `${why}.`,
    hint: 'It has the form postgres://user:password@host:port/database; special characters in its parts are percent-encoded.',
  })
