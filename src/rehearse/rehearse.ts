import { Kysely, PostgresDialect, type LogConfig } from 'kysely'
import pg from 'pg'
import type { AnyKysely } from '../any-kysely.ts'
import { surviveDeadConnections } from '../connection.ts'
import { isUnshipError, UnshipError } from '../errors.ts'
import { majorOfDump } from './dump.ts'
import { loadDump, type LeftOut } from './load.ts'
import { makeRows, type RowCounts } from './rows.ts'
import { sampleRows } from './sample.ts'
import { connected, startRehearsalServer, type RehearsalServer } from './server.ts'
import { differences, findPgDump, keptSince, readState } from './state.ts'
import { withoutPasswords } from '../secrets.ts'

/** What is rehearsed, and on what. */
export interface RehearsalOptions {
  /** What `pg_dump --schema-only` wrote. */
  readonly schema: string
  /** Runs before the state is read that has to come back: migrations that are pending before the one in question. */
  readonly prepare?: ((db: AnyKysely) => Promise<unknown>) | undefined
  readonly up: (db: AnyKysely) => Promise<unknown>
  readonly down: (db: AnyKysely) => Promise<unknown>
  /** Rows for each table: made up, or copied from a database together with all that they refer to. None if not given. */
  readonly rows?: { readonly perTable: number; readonly from?: string | undefined } | undefined
  /** The server's major; that of the dump unless told. */
  readonly major?: number | undefined
  /** Kysely's `log`, of the database that migrations are given. */
  readonly log?: LogConfig | undefined
  readonly onStep?: ((step: RehearsalStep) => void) | undefined
}

export type RehearsalStep = 'start' | 'load' | 'rows' | 'prepare' | 'up' | 'down' | 'compare'

export interface Rehearsal {
  /** `refused`: by `up`, with nothing changed. `failed`: in a step that should not. */
  readonly verdict: 'exact' | 'different' | 'refused' | 'failed'
  readonly serverVersion: string
  /** What was not there to be rehearsed with. */
  readonly leftOut: readonly LeftOut[]
  readonly rows: RowCounts
  /** How many definitions were compared. */
  readonly definitions: number
  readonly dumpCompared: boolean
  readonly differences: readonly string[]
  readonly error: { readonly step: RehearsalStep; readonly message: string } | null
}

/**
 * Runs a migration up and down on a server of its own, which is thrown away afterwards, and
 * compares definitions and rows. The database that the schema is of is not touched (rows
 * are read from it where `rows.from` names it).
 *
 * Rights are not rehearsed: all runs as a role that may act as every role of the schema. It is no superuser, for what a
 * schema's authors wrote (checks, defaults, functions) runs here, on this machine.
 *
 * @throws {UnshipError} `no_embedded_server` where no programs of that major are installed.
 *
 * @example
 * const { verdict } = await rehearse({ schema: readFileSync('schema.sql', 'utf8'), up, down, rows: { perTable: 20 } })
 */
export async function rehearse(options: RehearsalOptions): Promise<Rehearsal> {
  const { schema, onStep } = options
  const major = options.major ?? majorOfDump(schema)
  if (major === undefined)
    throw new UnshipError({
      code: 'invalid_schema_dump',
      message: 'the schema is not what pg_dump writes',
      detail: 'It has no line "-- Dumped from database version …".',
      hint: 'Make it with pg_dump --schema-only.',
    })
  onStep?.('start')
  const server = await startRehearsalServer(major)
  try {
    return await rehearseOn(server, options)
  } finally {
    await server.stop()
  }
}

async function rehearseOn(
  server: RehearsalServer,
  { schema, prepare, up, down, rows, log = [], onStep }: RehearsalOptions,
): Promise<Rehearsal> {
  const { url } = server
  onStep?.('load')
  const leftOut = await connected(url, async (client) => {
    // a dump makes it only where it was made anew
    if (/^CREATE SCHEMA public;/m.test(schema)) await client.query('drop schema public')
    return await loadDump(server, client, schema)
  })
  onStep?.('rows')
  const sample = rows
    ? await server.withoutTriggers(async (client) =>
        rows.from === undefined
          ? { rows: await makeRows(client, rows.perTable), leftOut: [] }
          : await connected(rows.from, (source) => sampleRows(source, client, rows.perTable)),
      )
    : { rows: {}, leftOut: [] }

  const pool = new pg.Pool({ connectionString: url })
  surviveDeadConnections(pool)
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }), log })
  try {
    const { version, major } = await connected(url, async (client) => {
      const found = await client.query<{ version: string; major: number }>(
        `select pg_catalog.current_setting('server_version') as version, pg_catalog.current_setting('server_version_num')::int / 10000 as major`,
      )
      return found.rows[0] ?? { version: '', major: 0 }
    })
    const pgDump = await findPgDump(major)
    const unprepared = prepare ? await step('prepare', prepare) : null
    const before = await readState(db, url, pgDump)
    const result = {
      serverVersion: version,
      leftOut: [...leftOut, ...sample.leftOut],
      rows: sample.rows,
      definitions: Object.keys(before.definitions).length,
      dumpCompared: pgDump !== null,
    }
    if (unprepared) return { ...result, verdict: 'failed', differences: [], error: unprepared }
    const broken = (await step('up', up)) ?? (await step('down', down))
    onStep?.('compare')
    const found = differences(before, await readState(db, url, pgDump, await keptSince(db, before)))
    const verdict = broken
      ? broken.step === 'up' && found.length === 0
        ? 'refused'
        : 'failed'
      : found.length === 0
        ? 'exact'
        : 'different'
    return { ...result, verdict, differences: found, error: broken }
  } finally {
    await db.destroy()
  }

  async function step(
    name: 'prepare' | 'up' | 'down',
    run: (db: AnyKysely) => Promise<unknown>,
  ): Promise<Rehearsal['error']> {
    onStep?.(name)
    try {
      await run(db)
      return null
    } catch (error) {
      if (isUnshipError(error)) return { step: name, message: error.message }
      return { step: name, message: withoutPasswords(error instanceof Error ? error.message : String(error)) }
    }
  }
}
