import { Kysely, PostgresDialect, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { abortRemoval, defineFeature, planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase({ template: 'demo' })
const undeclared = defineFeature()({ name: 'audit', tables: ['program_partner_audit_log'] })

const settings = `
  set search_path = "$user", public, pg_temp; set lock_timeout = '7s'; set statement_timeout = '11min';
  set idle_in_transaction_session_timeout = '13min'; set datestyle = 'German, DMY'; set intervalstyle = 'iso_8601';
  set timezone = 'Europe/Vienna'; set bytea_output = 'escape'; set extra_float_digits = 0; set row_security = on;
  set check_function_bodies = on; set application_name = 'the application'; set quote_all_identifiers = on`

/** What a session of a client's is set to, but for what is none of a client's business. */
async function readSettings(db: Kysely<any>) {
  const { rows } = await sql<{ name: string; setting: string }>`
    select name, setting from pg_catalog.pg_settings where context in ('user', 'superuser') and name !~ '^plpgsql'
    union all select 'unship.filling', nullif(current_setting('unship.filling', true), '')
    union all select 'unship.report', nullif(current_setting('unship.report', true), '') order by 1`.execute(db)
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
}

const advisoryLocks = () =>
  database().query(`select objid from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`)

describe('a pool of one connection', () => {
  let db: Kysely<any>
  beforeEach(() => {
    db = new Kysely({ dialect: new PostgresDialect({ pool: createPool(database().ownerUrl, 1) }) })
  })
  afterEach(() => db.destroy())

  test('is enough, and has its settings back afterwards', async () => {
    const state = await readState(database(), { dump: false })
    await sql.raw(settings).execute(db)
    const before = await readSettings(db)
    await planRemoval(db, programPartner)
    expect(await readSettings(db)).toEqual(before)
    await removeFeature(db, programPartner)
    expect(await readSettings(db)).toEqual(before)
    await restoreFeature(db, programPartner)
    expect(await readSettings(db)).toEqual(before)
    expect(await advisoryLocks()).toEqual([])
    expect(await readState(database(), { dump: false })).toEqual(state)
  })

  test('has them back after errors too', async () => {
    await sql.raw(settings).execute(db)
    const before = await readSettings(db)
    await refusal('undeclared_dependents', removeFeature(db, undeclared))
    expect(await readSettings(db)).toEqual(before)
    await refusal('nothing_to_abort', abortRemoval(db, undeclared))
    expect(await readSettings(db)).toEqual(before)
    const holder = await database().connect()
    await holder.query('begin; select count(*) from contacts')
    await refusal('locked', removeFeature(db, programPartner, { lockTimeoutMs: 20, lockAttempts: 2 }))
    expect(await readSettings(db)).toEqual(before)
    await holder.query('rollback')
    await removeFeature(db, programPartner)
    for (const failing of ['fill', 'build', 'verify', 'reveal'] as const) {
      const run = restoreFeature(db, programPartner, {
        onProgress: (event) => {
          if (event.type === 'phase started' && event.phase === failing) throw new Error('of the caller')
        },
      })
      await expect(run).rejects.toThrow('of the caller')
      expect(await readSettings(db)).toEqual(before)
    }
    expect(await advisoryLocks()).toEqual([])
    expect((await restoreFeature(db, programPartner)).outcome).toBe('restored')
  })

  test('has them back in a transaction, whether it succeeds or not', async () => {
    await sql.raw(settings).execute(db)
    await db.transaction().execute(async (trx) => {
      await sql`set local lock_timeout = '3s'`.execute(trx)
      await sql`set local search_path = public`.execute(trx)
      const before = await readSettings(trx)
      expect(before).toMatchObject({ lock_timeout: '3000', search_path: '"public"', DateStyle: 'German, DMY' })
      await refusal('undeclared_dependents', removeFeature(trx, undeclared))
      expect(await readSettings(trx)).toEqual(before)
      await removeFeature(trx, programPartner)
      expect(await readSettings(trx)).toEqual(before)
      await restoreFeature(trx, programPartner)
      expect(await readSettings(trx)).toEqual(before)
    })
    expect(await readSettings(db)).toMatchObject({ lock_timeout: '7000', search_path: '"$user", public, pg_temp' })
  })

  test('takes more memory where it has little, and no less where it has more', async () => {
    await asOwner(
      database(),
      `create table host (id int primary key, memory text default current_setting('work_mem') || ' ' || current_setting('maintenance_work_mem'))`,
    )
    const feature = { name: 'f', columns: { host: ['memory'] } }
    await db.connection().execute(async (connection) => {
      await sql`set work_mem = '1GB'; set maintenance_work_mem = '1MB'`.execute(connection)
      await removeFeature(connection, feature)
      await sql`insert into host (id) values (1)`.execute(connection)
      await restoreFeature(connection, feature)
    })
    expect(await database().query('select memory from host')).toEqual([{ memory: '1GB 256MB' }])
  })

  test('keeps two processes of the server busy at most, and no more than the server would', async () => {
    await asOwner(
      database(),
      `create table host (id int primary key, workers text default
         current_setting('max_parallel_workers_per_gather') || ' ' || current_setting('max_parallel_maintenance_workers'))`,
    )
    const feature = { name: 'f', columns: { host: ['workers'] } }
    await db.connection().execute(async (connection) => {
      await sql`set max_parallel_workers_per_gather = 0; set max_parallel_maintenance_workers = 4`.execute(connection)
      await removeFeature(connection, feature)
      await sql`insert into host (id) values (1)`.execute(connection)
      await restoreFeature(connection, feature)
    })
    expect(await database().query('select workers from host')).toEqual([{ workers: '0 1' }])
  })

  test('works within a connection of its own', async () => {
    await db.connection().execute(async (connection) => {
      expect((await removeFeature(connection, programPartner)).outcome).toBe('removed')
      expect((await restoreFeature(connection, programPartner)).outcome).toBe('restored')
    })
  })
})

describe('settings of a database or role', () => {
  test('do not get in the way', async () => {
    const before = await readState(database())
    await database().query(`
      alter database ${database().name} set statement_timeout = '1ms';
      alter database ${database().name} set lock_timeout = '1ms';
      alter database ${database().name} set datestyle = 'SQL, DMY';
      alter database ${database().name} set standard_conforming_strings = off;
      alter database ${database().name} set search_path = nowhere;
      alter database ${database().name} set quote_all_identifiers = on;
      alter database ${database().name} set default_transaction_isolation = 'serializable'`)
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(database().ownerUrl, 3) }) })
    try {
      expect((await removeFeature(db, programPartner)).outcome).toBe('removed')
      expect(await restoreFeature(db, programPartner)).toMatchObject({ outcome: 'restored', warnings: [] })
    } finally {
      await db.destroy()
    }
    await database().query(`alter database ${database().name} reset all`)
    expect(await readState(database())).toEqual(before)
  })
})
