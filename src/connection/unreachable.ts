import { UnshipError } from '../errors.ts'
import { withoutPasswords } from '../secrets.ts'

/** Where a connection was to go. No password. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly database: string | undefined
  readonly user: string | undefined
}

/** The error for a connection that did not come about. */
export function serverUnreachable(error: unknown, target: Target, timeoutMs: number): UnshipError {
  const { reason, hint } = diagnose(error, timeoutMs)
  const fromServer = error instanceof Error && error.message !== '' ? `\n${withoutPasswords(error.message)}` : ''
  return new UnshipError({
    code: 'server_unreachable',
    message: `cannot connect to ${where(target)}: ${reason}`,
    detail: `Tried as user "${target.user ?? ''}" in database "${target.database ?? ''}".${fromServer}`,
    hint,
    cause: error,
  })
}

/** The same for a pool that is not ours, of which we do not know where it leads; null for any other error. */
export function notConnected(error: unknown): UnshipError | null {
  // a host name may stand for several addresses
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error]
  if (!(first instanceof Error)) return null
  const ofConnecting =
    ('syscall' in first && ['connect', 'getaddrinfo'].includes(String(first.syscall))) ||
    ('code' in first && REFUSED.includes(String(first.code)))
  if (!ofConnecting) return null
  const { reason, hint } = diagnose(first, 0)
  return new UnshipError({
    code: 'server_unreachable',
    message: `cannot connect to the server: ${reason}`,
    detail: `${withoutPasswords(first.message)}.`,
    hint,
    cause: error,
  })
}

/** What the server answers before there is a session. */
const REFUSED = ['28P01', '28000', '3D000', '53300', '57P03']

const where = ({ host, port }: Target) =>
  host.startsWith('/') ? `the socket ${host}/.s.PGSQL.${port}` : `the server at "${host}", port ${port}`

interface Diagnosis {
  readonly reason: string
  readonly hint: string
}

const RUNNING = 'Check that the server runs and accepts connections there, and that host and port are right.'
const HOST = 'Check the host name in the connection settings, and that this machine can resolve it.'
const NETWORK = 'Check host and port, and that no firewall stands between.'
const LOGIN = 'Check user and password in the connection settings, and the server’s pg_hba.conf.'

/** By the system's error code, or the server's SQLSTATE. */
const BY_CODE: Readonly<Record<string, Diagnosis>> = {
  ECONNREFUSED: { reason: 'connection refused', hint: RUNNING },
  ECONNRESET: { reason: 'connection reset', hint: RUNNING },
  ENOENT: { reason: 'no such socket', hint: RUNNING },
  EACCES: { reason: 'permission denied for the socket', hint: RUNNING },
  ENOTFOUND: { reason: 'unknown host', hint: HOST },
  EAI_AGAIN: { reason: 'the host name could not be resolved', hint: HOST },
  ETIMEDOUT: { reason: 'no answer', hint: NETWORK },
  EHOSTUNREACH: { reason: 'no route to the host', hint: NETWORK },
  ENETUNREACH: { reason: 'no route to the network', hint: NETWORK },
  '28P01': { reason: 'wrong password', hint: LOGIN },
  '28000': { reason: 'login refused', hint: LOGIN },
  '3D000': {
    reason: 'no such database',
    hint: 'Check the database name in the connection settings, or create the database first.',
  },
  '42501': { reason: 'permission denied for the database', hint: 'Grant CONNECT on the database to the user.' },
  '53300': { reason: 'too many connections', hint: 'Try again when sessions have ended, or raise max_connections.' },
  '57P03': { reason: 'the server is starting up or shutting down', hint: 'Try again in a moment.' },
}

function diagnose(error: unknown, timeoutMs: number): Diagnosis {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = error instanceof Error ? error.message : ''
  const known = BY_CODE[code]
  if (known) return known
  if (/timeout/i.test(text)) return { reason: `no answer within ${timeoutMs / 1000} s`, hint: NETWORK }
  if (/password must be a/i.test(text))
    return { reason: 'the server asks for a password, and none is given', hint: LOGIN }
  if (/ssl|tls|certificate/i.test(`${code} ${text}`))
    return {
      reason: 'no encrypted connection',
      hint: 'Check sslmode in DATABASE_URL or PGSSLMODE, and the certificates.',
    }
  return { reason: 'the connection failed', hint: RUNNING }
}
