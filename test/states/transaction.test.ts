import { sql } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { describe, expect, test } from 'vitest'
import { abortRemoval, defineFeature, planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import * as migration from '../../migrations/1762603200000_remove_program_partner.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const { programPartner } = migration
const database = useDatabase({ template: 'demo' })

describe("inside a caller's transaction", () => {
  test('a removal and a restore work, both in one', async () => {
    const before = await readState(database())
    await database()
      .db.transaction()
      .execute(async (trx) => {
        const removed = await removeFeature(trx, programPartner)
        expect(removed).toMatchObject({ outcome: 'removed', counts: { partners: 41 } })
        expect((await removeFeature(trx, programPartner)).outcome).toBe('already removed')
        const restored = await restoreFeature(trx, programPartner)
        expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
        expect(restored.hosts[0]).toEqual({ table: 'contacts', restored: 41, inserted: 0, deleted: 0 })
      })
    expect(await readState(database())).toEqual(before)
    expect((await readTraces(database())).runs).toEqual(['removal: done', 'restore: done'])
  })

  test.each(['begin', 'begin isolation level repeatable read'])(
    'one that was begun as SQL is refused, and goes on: %s',
    async (begin) => {
      const before = await readState(database())
      await database()
        .db.connection()
        .execute(async (connection) => {
          await sql`set search_path = public, pg_temp`.execute(connection)
          await sql.raw(begin).execute(connection)
          await sql`create table mine (id int)`.execute(connection)
          for (const call of [removeFeature, restoreFeature, abortRemoval])
            await refusal('wrong_state', call(connection, programPartner))
          expect((await planRemoval(connection, programPartner)).absent).toBe(false)
          await sql`drop table mine; commit`.execute(connection)
          expect((await sql`show search_path`.execute(connection)).rows).toEqual([{ search_path: 'public, pg_temp' }])
        })
      expect(await readState(database())).toEqual(before)
    },
  )

  test('one in which a statement fails is told that all of it was taken back', async () => {
    await database().query(`create function fine(text) returns boolean language sql immutable as 'select true';
      alter table contacts add check (fine(email))`)
    await removeFeature(database().db, programPartner)
    await database().query(
      `create or replace function fine(text) returns boolean language sql immutable as 'select false'`,
    )
    const before = await readState(database())
    await database()
      .db.transaction()
      .execute(async (trx) => {
        const error = await refusal('statement_failed', restoreFeature(trx, programPartner))
        expect(error.hint).toMatch(/^All is as it was before the call/)
        await sql`select 1`.execute(trx)
      })
    expect(await readState(database())).toEqual(before)
    const error = await refusal('statement_failed', restoreFeature(database().db, programPartner))
    expect(error.hint).toMatch(/it goes on where it was/)
  })

  test('one with pending events of deferred constraints is told to fire them', async () => {
    await asOwner(
      database(),
      'create table p (id int primary key); create table t (id int references p deferrable initially deferred); insert into p values (1)',
    )
    const feature = { name: 'f', tables: ['t'] }
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await sql`insert into t values (1)`.execute(trx)
        const error = await refusal('statement_failed', removeFeature(trx, feature))
        expect(error.hint).toContain('run SET CONSTRAINTS ALL IMMEDIATE before the call')
        await sql`set constraints all immediate`.execute(trx)
        expect((await removeFeature(trx, feature)).outcome).toBe('removed')
      })
  })

  test('rows that are in the way are told of with their columns, and that all was taken back', async () => {
    await asOwner(
      database(),
      `create table t (id int primary key, kept text, gone int, constraint pair unique (gone, kept)); insert into t values (1, 'a', 1), (2, 'b', 1)`,
    )
    const feature = { name: 'f', columns: { t: ['gone'] }, constraints: { t: ['pair'] } }
    await removeFeature(database().db, feature)
    await asOwner(database(), `update t set kept = 'a'`)
    const before = await readState(database())
    const call = database()
      .db.transaction()
      .execute((trx) => restoreFeature(trx, feature))
    const error = await refusal('rows_in_the_way', call)
    expect(error.detail).toContain('Table public.t, key (gone, kept);')
    expect(error.hint).toMatch(/^All is as it was before the call/)
    expect(await readState(database())).toEqual(before)
  })

  test.each(['repeatable read', 'serializable'] as const)(
    'one that is %s is refused: it would lose what others commit',
    async (isolation) => {
      const before = await readState(database())
      const transaction = database()
        .db.transaction()
        .setIsolationLevel(isolation)
        .execute(async (trx) => {
          await refusal('wrong_state', removeFeature(trx, programPartner))
          await refusal('wrong_state', restoreFeature(trx, programPartner))
          expect((await planRemoval(trx, programPartner)).absent).toBe(false)
        })
      await transaction
      expect(await readState(database())).toEqual(before)
      expect(await readTraces(database())).toEqual(noTraces)
    },
  )

  test('nothing of a removal is seen outside before the commit', async () => {
    const { db } = database()
    const before = await readTraces(database())
    await db.transaction().execute(async (trx) => {
      await removeFeature(trx, programPartner)
      expect(await readTraces(database())).toEqual(before)
    })
    expect((await readTraces(database())).runs).toEqual(['removal: done'])
    await db.transaction().execute((trx) => restoreFeature(trx, programPartner))
  })

  test('nothing of a removal is left when the caller rolls back', async () => {
    const before = await readState(database())
    const rollBack = new Error('changed my mind')
    const transaction = database()
      .db.transaction()
      .execute(async (trx) => {
        await removeFeature(trx, programPartner)
        throw rollBack
      })
    await expect(transaction).rejects.toBe(rollBack)
    expect(await readState(database())).toEqual(before)
    expect(await readTraces(database())).toEqual(noTraces)
    expect((await removeFeature(database().db, programPartner)).outcome).toBe('removed')
  })

  test('nothing of a restore is left when the caller rolls back', async () => {
    await removeFeature(database().db, programPartner)
    const before = { state: await readState(database()), traces: await readTraces(database()) }
    const transaction = database()
      .db.transaction()
      .execute(async (trx) => {
        await restoreFeature(trx, programPartner)
        throw new Error('changed my mind')
      })
    await expect(transaction).rejects.toThrow('changed my mind')
    expect({ state: await readState(database()), traces: await readTraces(database()) }).toEqual(before)
    expect((await restoreFeature(database().db, programPartner)).outcome).toBe('restored')
  })

  test('a refusal leaves the transaction usable, its settings and its work alone', async () => {
    await database()
      .db.transaction()
      .execute(async (trx) => {
        const { rows } = await trx.executeQuery<{ n: number }>(
          trx
            .insertInto('organisations')
            .values({ name: 'Ours', country_code: 'AT' })
            .returning((eb) => eb.lit(1).as('n'))
            .compile(),
        )
        expect(rows).toEqual([{ n: 1 }])
        const audit = defineFeature()({ name: 'audit', tables: ['program_partner_audit_log'] })
        await refusal('undeclared_dependents', removeFeature(trx, audit))
        await refusal('undeclared_dependents', planRemoval(trx, audit))
        await refusal('nothing_to_abort', abortRemoval(trx, audit))
        const found = await trx.selectFrom('organisations').select('name').where('name', '=', 'Ours').execute()
        expect(found).toEqual([{ name: 'Ours' }])
      })
    expect(await database().query(`select name from organisations where name = 'Ours'`)).toHaveLength(1)
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('a lock that is not to be had leaves it usable too, after one attempt', async () => {
    const holder = await database().connect()
    await holder.query(`begin; select count(*) from contacts`)
    await database()
      .db.transaction()
      .execute(async (trx) => {
        const error = await refusal('locked', removeFeature(trx, programPartner, { lockTimeoutMs: 20 }))
        expect(error.detail).toContain('1 attempt of 20 ms failed')
        expect(error.detail).toContain('idle in transaction')
        await trx.selectFrom('organisations').selectAll().limit(1).execute()
      })
    expect(await readTraces(database())).toEqual(noTraces)
  })

  test('what happened in it before is part of the backup', async () => {
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await trx
          .updateTable('contacts')
          .set({ payment_method: 'card' })
          .where('email', '=', 'contact20@example.org')
          .execute()
        const removed = await removeFeature(trx, programPartner)
        expect(removed.backups.find((b) => b.table === 'backup_program_partner_contacts')?.rows).toBe(42)
      })
    await restoreFeature(database().db, programPartner)
    expect(await database().query(`select payment_method from contacts where email = 'contact20@example.org'`)).toEqual(
      [{ payment_method: 'card' }],
    )
  })
})

describe("under Kysely's default, all migrations in one transaction", () => {
  const migrator = () =>
    new Migrator({
      db: database().db,
      provider: { getMigrations: () => Promise.resolve({ remove_program_partner: migration as unknown as Migration }) },
    })

  test('the migration goes up and down', async () => {
    const before = await readState(database())
    const up = await migrator().migrateToLatest()
    expect(up.error).toBeUndefined()
    expect(up.results).toMatchObject([{ status: 'Success' }])
    expect((await readTraces(database())).runs).toEqual(['removal: done'])
    const down = await migrator().migrateDown()
    expect(down.error).toBeUndefined()
    expect(await readState(database())).toEqual(before)
  })

  test('a refused one leaves nothing', async () => {
    await database().query('set role crm_owner; create table backup_program_partner_contacts (id int)')
    const before = await readState(database())
    const up = await migrator().migrateToLatest()
    expect(up.error).toMatchObject({ code: 'backup_exists' })
    expect(await readState(database())).toEqual(before)
    expect((await readTraces(database())).runs).toBeUndefined()
  })
})
