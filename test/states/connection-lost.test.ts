import { Kysely, PostgresDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import type pg from 'pg'
import { describe, expect, test } from 'vitest'
import { MigrationDialect, removeFeature, restoreFeature, type ProgressEvent, type RunOptions } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { Proxy } from '../faults/proxy.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readTraces, refusal } from '../support/refusal.ts'

const database = useDatabase({ template: 'demo' })

/** Runs something whose connection is ended when it sends such a statement; the statement is not carried out. */
async function losing(statement: RegExp, work: (db: Kysely<any>) => Promise<unknown>): Promise<unknown> {
  const proxy = await Proxy.listen(database().ownerUrl, { at: statement, position: 'before' })
  const pool = createPool(proxy.through(database().ownerUrl), 2)
  const db = new Kysely<any>({ dialect: new MigrationDialect({ pool }) })
  try {
    const running = work(db)
    void proxy.stopped.then(({ pid }) => database().query(`select pg_terminate_backend(${String(pid)})`))
    return await running
  } finally {
    await db.destroy()
    await proxy.close()
  }
}

/** A database whose network goes down, with this error, once the server has committed the cut-over, and before it can say so. */
function goingDown(code: string): Kysely<any> {
  const pool = createPool(database().ownerUrl, 2)
  pool.on('connect', (client: pg.Client & { connection: { stream: { destroy(error: Error): void } } }) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
    const lossy = async (...args: unknown[]) => {
      const result = await query(...args)
      if (!JSON.stringify(args[0]).includes("set phase = 'record'")) return result
      const down = Object.assign(new Error(`read ${code}`), { code, syscall: 'read' })
      client.connection.stream.destroy(down)
      throw down
    }
    Object.assign(client, { query: lossy })
  })
  return new Kysely({ dialect: new PostgresDialect({ pool }) })
}

/** The options of a run, and what it tells when its connection is lost. */
function listening(): RunOptions & { readonly told: ProgressEvent[] } {
  const told: ProgressEvent[] = []
  return {
    told,
    onProgress: (event) => {
      if (event.type === 'connection lost') told.push(event)
    },
  }
}

describe('a connection that is lost', () => {
  test.each([
    ['before the settings are read', /^select pg_catalog.current_setting\('statement_timeout'\) as timeout/],
    ['before the feature is locked', /pg_try_advisory_lock/],
    ['while settings are put back', /^select pg_catalog.set_config\('search_path', '"\$user/],
  ])('in a removal, %s, says what to run', async (_, statement) => {
    const { told, ...options } = listening()
    const error = await refusal(
      'server_unreachable',
      losing(statement, (db) => removeFeature(db, programPartner, options)),
    )
    expect(error.hint).toContain('do not run migrate:down')
    expect(told).toHaveLength(1)
  })

  test.each([
    ['while the backups are read', /pg_total_relation_size/],
    ['while an index is built', /^CREATE INDEX CONCURRENTLY/],
    ['while definitions are compared', /^select coalesce.*pg_catalog.pg_proc x\s+join/s],
  ])('in a restore, %s, says what to run', async (_, statement) => {
    await removeFeature(database().db, programPartner)
    const { told, ...options } = listening()
    const error = await refusal(
      'server_unreachable',
      losing(statement, (db) => restoreFeature(db, programPartner, options)),
    )
    expect(error.hint).toContain('Run the same command again')
    expect(told).toHaveLength(1)
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  })

  test('while Kysely records the migration: the error that is shown in the end says what to run', async () => {
    const migration = { up: (db: Kysely<any>) => removeFeature(db, programPartner).then(() => undefined) }
    const migrate = (db: Kysely<any>) => {
      const provider = { getMigrations: () => Promise.resolve({ m: migration }) }
      return new Migrator({ db, provider, disableTransactions: true }).migrateToLatest()
    }
    const { error } = (await losing(/^insert into "kysely_migration" /, migrate)) as { error: Error }
    expect(error.message).toContain('Do not run migrate:down after a broken migrate:latest')
    expect((await migrate(database().db)).error).toBeUndefined()
  })

  test.each([
    'ECONNRESET',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ECONNABORTED',
    'ERR_SSL_BAD_RECORD_MAC',
    'of no known code',
  ])('to %s after the cut-over: nothing is said of the feature, which is gone', async (code) => {
    const db = goingDown(code)
    const { told, ...options } = listening()
    const error = await refusal('server_unreachable', removeFeature(db, programPartner, options))
    await db.destroy()
    expect(error.message).not.toContain('untouched')
    expect(error.detail).toContain(`read ${code}\n`)
    expect(error.detail).toContain('the ledger knows how far the run came')
    expect(told).toHaveLength(1)
    expect((await readTraces(database())).tables).toContain('backup_program_partner_audit_log')
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  })
})
