import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { describe, expect, inject, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { programPartner } from '../../migrations/1762603200000_remove_program_partner.ts'
import { createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusal } from '../support/refusal.ts'

const database = useDatabase({ template: 'demo' })

/** Runs something as crm_owner over connections that begin with the database's settings. */
async function fresh<T>(work: (db: Kysely<any>) => Promise<T>): Promise<T> {
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool: createPool(database().ownerUrl, 2) }) })
  try {
    return await work(db)
  } finally {
    await db.destroy()
  }
}

const set = (...settings: readonly string[]) =>
  database().query(settings.map((s) => `alter database ${database().name} set ${s}`).join(';'))

describe('limits that a database or role sets', () => {
  test('on sessions that are idle do not end a run that waits for its locks', async () => {
    await set(`idle_session_timeout = '250ms'`, `idle_in_transaction_session_timeout = '1ms'`)
    const holder = await database().connect('admin')
    await holder.query(`set idle_in_transaction_session_timeout = 0; set idle_session_timeout = 0`)
    const blocked = async (work: (db: Kysely<any>) => Promise<unknown>) => {
      await holder.query('begin; select count(*) from contacts')
      const running = fresh(work)
      await sleep(2500)
      await holder.query('rollback')
      return await running
    }
    const removed = await blocked((db) => removeFeature(db, programPartner, { lockTimeoutMs: 20 }))
    expect(removed).toMatchObject({ outcome: 'removed' })
    const restored = await blocked((db) => restoreFeature(db, programPartner, { lockTimeoutMs: 20 }))
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('on transactions do not end a long index build', async ({ skip }) => {
    if (inject('server').versionNum < 170_000) skip('transaction_timeout is new in 17')
    await set(`transaction_timeout = '400ms'`)
    const holder = await database().connect('admin')
    await holder.query('set transaction_timeout = 0')
    await fresh((db) => removeFeature(db, programPartner))
    // CREATE INDEX CONCURRENTLY waits for every older snapshot
    await holder.query('begin isolation level repeatable read; select 1')
    const running = fresh((db) => restoreFeature(db, programPartner))
    await sleep(1500)
    await holder.query('rollback')
    expect(await running).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})

test.each([
  ['temporary file size exceeds temp_file_limit (64kB)', /Have a superuser raise temp_file_limit for the role/],
  ['some other limit', /^Nothing was removed/],
])('what a limit of the server is raised with: %s', async (message, hint) => {
  const { db } = database()
  await removeFeature(db, programPartner)
  await restoreFeature(db, programPartner)
  await database().query(
    `create function unship.limited() returns trigger language plpgsql as $$ begin
       raise configuration_limit_exceeded using message = '${message}';
     end $$;
     create trigger limited before update on unship.runs for each row when (new.phase = 'copy' and new.state = 'running') execute function unship.limited()`,
  )
  const error = await refusal('statement_failed', removeFeature(db, programPartner))
  expect(error.detail).toBe(`53400: ${message}`)
  expect(error.hint).toMatch(hint)
  expect(error.hint).toContain('Nothing was removed.')
})

test('sessions that are to end at any error do not end at one that is caught', async () => {
  await set('exit_on_error = on')
  const holder = await database().connect('admin')
  await holder.query('begin; select count(*) from contacts')
  const once = { lockTimeoutMs: 20, lockAttempts: 2 }
  expect(
    (
      await refusal(
        'locked',
        fresh((db) => removeFeature(db, programPartner, once)),
      )
    ).primary,
  ).toContain('contacts')
  await holder.query('rollback')
  const left = await fresh((db) =>
    db.connection().execute(async (connection) => {
      expect((await removeFeature(connection, programPartner)).outcome).toBe('removed')
      return await sql<{ exit_on_error: string }>`show exit_on_error`.execute(connection)
    }),
  )
  // it is the caller's again
  expect(left.rows).toEqual([{ exit_on_error: 'on' }])
  const restored = await fresh((db) => db.transaction().execute((trx) => restoreFeature(trx, programPartner)))
  expect(restored.outcome).toBe('restored')
})

test('the isolation that a database sets is not what inserted rows meanwhile are given', async () => {
  await set(`default_transaction_isolation = 'serializable'`)
  await database().query(`alter table contacts add isolation text default current_setting('transaction_isolation')`)
  const feature = { name: 'isolation', columns: { contacts: ['isolation'] } }
  await fresh((db) => removeFeature(db, feature))
  await database().query(`insert into contacts (first_name, last_name, email) values ('New', 'One', 'new@example.org')`)
  await fresh((db) => restoreFeature(db, feature))
  expect(await database().query(`select isolation from contacts where email = 'new@example.org'`)).toEqual([
    { isolation: 'read committed' },
  ])
})

describe('how a database or role reads and writes text', () => {
  test('changes nothing in definitions and values', async () => {
    await database().query(`
      set role crm_owner;
      set client_encoding = 'UTF8';
      alter table contacts alter column payment_method_notes set default E'100 % \\\\ ''größer''';
      alter table contacts alter column last_payment_date set default '2024-03-04 05:06:07+00';
      alter table contacts add column labels text[] default '{NULL,a}';
      alter table contacts add constraint labels_known check (labels <> '{NULL}' or labels = null);
      update contacts set payment_method_notes = E'żółć \\\\ 漢字 ''"', labels = '{NULL,b}' where email ~ '^contact1[0-9]@';
      reset role`)
    const feature = {
      ...programPartner,
      columns: { ...programPartner.columns, contacts: [...programPartner.columns.contacts, 'labels'] },
    }
    const before = await readState(database())
    await set(
      `timezone = 'Asia/Kathmandu'`,
      `datestyle = 'German, DMY'`,
      `intervalstyle = 'sql_standard'`,
      `search_path = information_schema`,
      `standard_conforming_strings = off`,
      `backslash_quote = off`,
      `escape_string_warning = off`,
      `array_nulls = off`,
      `transform_null_equals = on`,
      `client_encoding = 'LATIN1'`,
      `bytea_output = 'escape'`,
      `extra_float_digits = -15`,
      `default_transaction_read_only = on`,
      `default_transaction_isolation = 'repeatable read'`,
      `default_transaction_deferrable = on`,
      `synchronous_commit = off`,
      `session_replication_role = 'replica'`,
    )
    expect((await fresh((db) => removeFeature(db, feature))).outcome).toBe('removed')
    expect(await fresh((db) => restoreFeature(db, feature))).toMatchObject({ outcome: 'restored', warnings: [] })
    await database().query(`set default_transaction_read_only = off; alter database ${database().name} reset all`)
    expect(await readState(database())).toEqual(before)
  })
})
