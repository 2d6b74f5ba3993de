import type pg from 'pg'
import { UnshipError } from '../errors.ts'

/** A pooler that is busy may hand out another session by chance. */
const ATTEMPTS = 3

/**
 * Refuses a pooler that gives each transaction another session of the server: locks and
 * settings of a session would be left behind in one and missing in the next.
 *
 * A pooler shows by the process id that it tells its clients, which is none of the server's.
 * Two of its clients show the mode: between transactions, one gets the other's session.
 */
export async function refuseTransactionPooling(pool: pg.Pool): Promise<void> {
  const first = await pool.connect()
  try {
    const pid = await backendPid(first)
    if (toldPid(first) === pid) return
    const second = await pool.connect()
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        await second.query('begin')
        const other = await backendPid(second)
        const now = await backendPid(first)
        await second.query('rollback')
        if (other === pid || now !== pid) throw poolsTransactions()
      }
    } finally {
      second.release()
    }
  } finally {
    first.release()
  }
}

async function backendPid(client: pg.PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid')
  return rows[0]?.pid ?? 0
}

/** What pg was told for cancelling, and does not declare. */
const toldPid = (client: pg.PoolClient & { processID?: number | null }) => client.processID

const poolsTransactions = () =>
  new UnshipError({
    code: 'server_not_supported',
    message: 'the connection goes through a pooler that gives each transaction another session',
    detail: 'Settings and locks of a session, on which migrations depend, would not stay with them.',
    hint: 'Connect to the server itself, or to a pooler in session mode (pgbouncer: pool_mode = session).',
  })
