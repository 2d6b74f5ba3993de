import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature, type RunOptions } from 'kysely-unship'
import { beforeQueries, createPool } from '../support/connect.ts'
import { useDatabase } from '../support/database.ts'
import { actingBefore, whileComparing } from '../support/interleave.ts'
import { readState } from '../support/life.ts'
import { noTraces, readTraces, refusal } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const feature = defineFeature()({
  name: 'extras',
  tables: ['partners'],
  columns: { members: ['note', 'amount'] },
  views: ['noted'],
  functions: ['note_of'],
})

const schema = `
  create table members (id int primary key, name text not null, note text, amount numeric default 7);
  create table partners (id int primary key, member int references members, label text);
  alter table partners enable row level security;
  create policy own on partners using (label <> '');
  grant select on partners to crm_app;
  create view noted as select id, note from members where note is not null;
  create function note_of(int) returns text language sql stable as 'select note from members where id = $1';
  insert into members select n, 'name', 'note ' || n, n from generate_series(1, 50) n;
  insert into partners select n, n, 'label ' || n from generate_series(1, 20) n;`

/** What the backups are verified after, and what the cut-over is known by. */
const VERIFYING = `set phase = 'verify'`
const CUTTING_OVER = `set phase = 'record'`

describe('what is altered while a removal is under way', () => {
  const database = useDatabase()
  beforeEach(() => asOwner(database(), schema))
  const owner = (sql: string) => asOwner(database(), sql)

  /** Removes the feature; `act` is done right before the first statement with this text in it. */
  const removing = (text: string, act: () => Promise<unknown>, options: RunOptions = {}) =>
    actingBefore(database(), text, act, (db) => removeFeature(db, feature, options))

  /** The feature as it is now goes and comes back. */
  async function expectExact(): Promise<void> {
    const before = await readState(database())
    expect((await removeFeature(database().db, feature)).outcome).toBe('removed')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database())).toEqual(before)
  }

  test.each([
    ['an index', 'create index on members (note)', 'index public.members_note_idx is new'],
    [
      'a constraint',
      'alter table members add constraint positive check (amount > 0)',
      'constraint public.members.positive is new',
    ],
    ['statistics', 'create statistics both_of on note, amount from members', 'statistics public.both_of is new'],
    ['a default', 'alter table members alter amount set default 8', 'column public.members.amount was altered'],
    ['a column', `alter table partners add column more int`, 'column public.partners.more is new'],
    ['a comment', `comment on column members.note is 'news'`, 'column public.members.note was altered'],
    ['a privilege', 'grant insert on partners to crm_app', 'table public.partners was altered'],
    [
      'a privilege on a column',
      'grant select (amount) on members to crm_app',
      'column public.members.amount was altered',
    ],
    ['a policy', `alter policy own on partners using (label <> 'x')`, 'policy public.partners.own was altered'],
    [
      'a view',
      'create or replace view noted as select id, note from members where note > %L',
      'view public.noted was altered',
    ],
    [
      'a function',
      `create or replace function note_of(int) returns text language sql stable as 'select upper(note) from members where id = $1'`,
      'function public.note_of(integer) was altered',
    ],
    ['a table that inherits', 'create table child () inherits (members)', 'other tables inherit from public.members'],
    [
      'an index that is built anew',
      'reindex index concurrently partners_pkey',
      'index public.partners_pkey was built anew',
    ],
    [
      'a view of a table that goes',
      'create view labels as select label from partners',
      'view public.labels is new, and depends on it',
    ],
    [
      'a reference',
      'create table others (id int primary key, partner int references partners)',
      'constraint others_partner_fkey on table public.others is new, and depends on it',
    ],
  ])('%s: it is refused, says so, and nothing of it is lost', async (_, alter, detail) => {
    const error = await refusal(
      'plan_changed',
      removing(VERIFYING, () => owner(alter.replace('%L', `''`))),
    )
    expect(error.detail).toContain(detail)
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
  })

  test.each([
    ['create index on members (note)', { ...feature }],
    [`alter policy own on partners using (label <> 'x')`, { ...feature }],
  ])('comes back as it was altered: %s', async (alter) => {
    await refusal(
      'plan_changed',
      removing(CUTTING_OVER, () => owner(alter)),
    )
    await expectExact()
  })

  test.each([
    ['the catalog', `with recursive root`],
    ['anything', `pg_catalog.current_setting('server_version_num')`],
  ])('in a transaction that is open when the removal reads %s', async (__, reading) => {
    const other = await database().connect('crm_owner')
    let altered: Promise<unknown> | undefined
    const act = async () => {
      await other.query('begin; alter table members alter amount set default 8')
      altered = sleep(300).then(() => other.query('commit'))
    }
    const error: unknown = await removing(reading, act).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    await altered
    // either it has been seen, or it is refused
    if (error !== undefined) expect(error).toMatchObject({ code: 'plan_changed' })
    else {
      await restoreFeature(database().db, feature)
      const [row] = await database().query(
        `select column_default from information_schema.columns where table_name = 'members' and column_name = 'amount'`,
      )
      expect(row).toEqual({ column_default: '8' })
    }
    await expectExact()
  })

  test('a definition under way when the cut-over begins: it waits, and then refuses', async () => {
    const other = await database().connect('crm_owner')
    let altered: Promise<unknown> | undefined
    const act = async () => {
      await other.query('begin; alter table partners set (fillfactor = 90)')
      altered = sleep(200).then(() => other.query('commit'))
    }
    await refusal('plan_changed', removing(CUTTING_OVER, act))
    await altered
    await expectExact()
  })

  test('a TRUNCATE under way when the cut-over begins: it waits', async () => {
    const other = await database().connect('crm_owner')
    let truncated: Promise<unknown> | undefined
    const act = async () => {
      await other.query(`begin; truncate partners; insert into partners values (1, 1, 'the only one')`)
      truncated = sleep(200).then(() => other.query('commit'))
    }
    const { backups } = await removing(CUTTING_OVER, act)
    await truncated
    expect(backups.find(({ table }) => table === 'backup_partners')?.rows).toBe(1)
  })

  test('what alters no definition is no obstacle', async () => {
    const client = await database().connect('crm_owner')
    const act = async () => {
      for (const sql of [
        'vacuum members, partners',
        'analyze members, partners',
        'reindex table members',
        'truncate partners',
      ])
        await client.query(sql)
    }
    expect((await removing(VERIFYING, act)).outcome).toBe('removed')
  })

  test.each([
    ['alter view noted set (security_barrier)', 'view public.noted was altered'],
    [`comment on view noted is 'news'`, 'view public.noted was altered'],
    ['revoke select on noted from crm_app', 'view public.noted was altered'],
    ['grant insert on partners to crm_app', 'table public.partners was altered'],
    [`comment on function note_of is 'news'`, 'function public.note_of(integer) was altered'],
    [`create or replace view noted as select id, note from members where note > ''`, 'view public.noted was altered'],
    ['alter function note_of rename to notes_of', 'function public.note_of(integer) is gone'],
  ])('after the comparison, before the locks: %s', async (alter, detail) => {
    await owner('grant select on noted to crm_app')
    const error = await whileComparing(database(), feature, CUTTING_OVER, 'members', (other) => other.query(alter))
    expect(error).toMatchObject({ code: 'plan_changed', detail: expect.stringContaining(detail) as string })
    expect(await readTraces(database())).toEqual({ ...noTraces, runs: ['removal: aborted'] })
  })

  test("in a caller's transaction: it is refused, and says what", async () => {
    const other = await database().connect('crm_owner')
    const alter = () =>
      other.query(`create or replace function note_of(int) returns text language sql as 'select null'`)
    const pool = createPool(database().ownerUrl, 1)
    beforeQueries(pool, (query) => (query.includes('insert into unship.runs') ? alter() : undefined))
    const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
    const error = await refusal(
      'plan_changed',
      db.transaction().execute((trx) => removeFeature(trx, feature)),
    )
    await db.destroy()
    expect(error.detail).toBe('function public.note_of(integer) was altered.\nNothing has been removed.')
  })

  test("a function whose privileges are taken in a caller's transaction is not taken for altered", async () => {
    await owner(`create function one() returns int language sql as 'select 1';
      create table counters (id int primary key, n int default one())`)
    const counters = defineFeature()({ name: 'counters', tables: ['counters'], functions: ['one'] })
    const remove = database()
      .db.transaction()
      .execute((trx) => removeFeature(trx, counters))
    expect((await remove).outcome).toBe('removed')
  })
})
