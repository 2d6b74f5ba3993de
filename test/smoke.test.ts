import { sql } from 'kysely'
import { expect, inject, test } from 'vitest'
import { createDatabase, useDatabase } from './support/database.ts'
import { pgDumpSchema } from './support/dump.ts'

const database = useDatabase()

test('the server answers, with a version that is supported', async () => {
  const [row] = await database().query<{ number: number }>(
    `select current_setting('server_version_num')::int as number`,
  )
  expect(row?.number).toBe(inject('server').versionNum)
  expect(row?.number).toBeGreaterThanOrEqual(140_000)
})

test('each database stands alone', async () => {
  const other = await createDatabase()
  try {
    await database().query('create table only_here (id int primary key)')
    expect(await tables(other)).toEqual([])
    expect(await tables(database())).toEqual(['only_here'])
  } finally {
    await other.drop()
  }
})

test('a dropped database leaves nothing behind', async () => {
  const other = await createDatabase()
  const client = await other.connect()
  await client.query('begin')
  await client.query('create table held_open (id int)')
  const inFlight = sql`select pg_sleep(60)`.execute(other.db).catch((error: unknown) => error)
  if (inject('server').kind !== 'url') {
    const preparing = await other.connect('admin')
    await preparing.query(`begin; create table prepared (id int); prepare transaction '${other.name}'`)
  }
  await other.drop()
  expect(await inFlight).toBeInstanceOf(Error)
  expect(await database().query('select from pg_database where datname = $1', [other.name])).toEqual([])
})

test('the roles are those that the demo makes', async () => {
  const owner = await sql<{ role: string }>`select session_user as role`.execute(database().db)
  const app = await (await database().connect('crm_app')).query<{ role: string }>('select session_user as role')
  expect(owner.rows).toEqual([{ role: 'crm_owner' }])
  expect(app.rows).toEqual([{ role: 'crm_app' }])
})

test('the demo template holds the demo', async () => {
  const demo = await createDatabase({ template: 'demo' })
  try {
    expect(await tables(demo)).toContain('contacts')
    expect(await demo.db.selectFrom('contacts').selectAll().limit(1).execute()).toHaveLength(1)
  } finally {
    await demo.drop()
  }
})

test('pg_dump is there, or known not to be', async () => {
  await database().query(`create table dumped (id int)`)
  const dump = await pgDumpSchema(database().url)
  if (!inject('server').hasPgDump) {
    expect(dump).toBeUndefined()
    return
  }
  expect(dump).toContain('CREATE TABLE public.dumped')
  expect(dump).not.toMatch(/restrict|Dumped (from|by)/)
})

async function tables(of: { query: (sql: string) => Promise<{ relname: string }[]> }): Promise<string[]> {
  const rows = await of.query(`
    select relname
    from pg_class
    where relnamespace = 'public'::regnamespace
      and relkind = 'r' /* ordinary table */
    order by relname`)
  return rows.map((row) => row.relname)
}
