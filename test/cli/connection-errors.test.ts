import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { withDatabase } from '../../src/cli/project/database.ts'
import { freePort } from '../../src/embedded/port.ts'
import { useDatabase } from '../support/database.ts'
import { refusal } from '../support/refusal.ts'

describe('commands of unship, over a pool of the project', () => {
  const database = useDatabase()
  const using = (connectionString: string) => {
    const pool = new pg.Pool({ connectionString })
    pool.on('error', () => undefined)
    return {
      config: { kysely: new Kysely<any>({ dialect: new PostgresDialect({ pool }) }) },
      configFile: 'kysely.config.ts',
    }
  }

  test('say that their session was ended', async () => {
    const ended = withDatabase(using(database().ownerUrl) as never, (db) =>
      sql`select pg_terminate_backend(pg_backend_pid(), 10000)`.execute(db),
    )
    const error = await refusal('server_unreachable', ended)
    expect(error.primary).toBe('the connection to the server was lost')
    expect(error.hint).toContain('Run the same command again')
  })

  test('say that nobody answers', async () => {
    const url = `postgres://nobody@localhost:${String(await freePort())}/x`
    const error = await refusal(
      'server_unreachable',
      withDatabase(using(url) as never, (db) => sql`select 1`.execute(db)),
    )
    expect(error.primary).toBe('cannot connect to the server: connection refused')
  })

  test('say that there is no such database', async () => {
    const url = database().ownerUrl.replace(/[^/]*$/, 'none_such')
    const error = await refusal(
      'server_unreachable',
      withDatabase(using(url) as never, (db) => sql`select 1`.execute(db)),
    )
    expect(error.primary).toBe('cannot connect to the server: no such database')
  })
})
