import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'
import { UnshipError } from '../errors.ts'
import { messageWithoutValues } from '../server-error.ts'
import { run, sqlState } from './query.ts'

const SYNTAX_ERROR = '42601'
const INVALID_TEXT_REPRESENTATION = '22P02'

/**
 * Refuses a driver under Kysely's PostgreSQL dialect over which statements do not arrive as they were sent: a run over it
 * would fail in its middle, or write a ledger that nobody can read.
 */
export async function demandDriver(db: AnyKysely): Promise<void> {
  await run(db, 'select; select').catch((error: unknown) => {
    throw sqlState(error) === SYNTAX_ERROR
      ? unsuited('It does not send several statements in one message', error)
      : error
  })
  const { rows } = await sql<{ type: string }>`
    select pg_catalog.jsonb_typeof(${JSON.stringify({ text: 'a "b" \\ c' })}::text::jsonb) as type`
    .execute(db)
    .catch((error: unknown) => {
      throw sqlState(error) === INVALID_TEXT_REPRESENTATION ? unsuited(TEXT_CHANGED, error) : error
    })
  if (rows[0]?.type !== 'object') throw unsuited(TEXT_CHANGED)
}

const TEXT_CHANGED = 'A text that is JSON does not arrive as it is'

const unsuited = (what: string, cause?: unknown) =>
  new UnshipError({
    code: 'server_not_supported',
    message: 'the driver that Kysely was given does not send statements as a run needs it',
    detail: `${what}${cause === undefined ? '.' : `: ${messageWithoutValues(cause)}.`}`,
    hint: 'Use the driver pg: pass a Kysely whose dialect is PostgresDialect, or MigrationDialect, over a pool of pg. Nothing was changed.',
    cause,
  })
