import { beforeEach, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'
import { failAfter } from './broken.ts'

const feature = defineFeature()({ name: 'pay', columns: { contacts: ['pay'] } })

describe('a host table that is not what it was, by its key', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)
  const restore = () => restoreFeature(database().db, feature)
  const pays = () => database().query(`select name, pay from contacts order by 1`)
  beforeEach(() =>
    owner(`create table contacts (id int, name text, pay text, constraint contacts_pkey primary key (id));
      insert into contacts select n, 'n' || n, 'pay ' || n from generate_series(1, 5) n`),
  )
  const NOT_UNIQUE = 'no unique index of contacts says that key id means one row only.'

  test('a key that may stand for several rows is refused, until it does not', async () => {
    const before = await readState(database(), { dump: false })
    await removeFeature(database().db, feature)
    await owner(`alter table contacts add tenant int not null default 1, drop constraint contacts_pkey, add primary key (tenant, id);
      insert into contacts (tenant, id, name) values (2, 1, 'of another tenant')`)
    expect((await refusedUnchanged(database(), 'not_restorable', restore)).detail).toBe(NOT_UNIQUE)
    await owner(`create unique index partial on contacts (id) where tenant = 1; create unique index computed on contacts (abs(id), tenant);
      create unique index by_name on contacts (name)`)
    expect((await refusedUnchanged(database(), 'not_restorable', restore)).detail).toBe(NOT_UNIQUE)
    await owner(`delete from contacts where tenant = 2; drop index by_name;
      alter table contacts drop tenant, add constraint contacts_pkey primary key (id)`)
    expect(await restore()).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await readState(database(), { dump: false })).toEqual(before)
  })

  test('nor does a restore that broke off go on with one', async () => {
    await removeFeature(database().db, feature)
    await expect(restoreFeature(database().db, feature, failAfter('fill'))).rejects.toThrow('of the caller')
    await owner('alter table contacts drop constraint contacts_pkey')
    expect((await refusedUnchanged(database(), 'not_restorable', restore)).detail).toBe(NOT_UNIQUE)
    await owner('alter table contacts add constraint contacts_pkey primary key (id)')
    expect(await restore()).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  const others = 'whichever rows have the backed-up id are given the values'
  test.each([
    [
      'the table',
      `alter table contacts rename to past; alter table past rename constraint contacts_pkey to past_pkey;
       create table contacts (id int primary key, name text); insert into contacts select * from past`,
      `contacts is another table than the one that the columns were removed from: ${others}`,
    ],
    [
      'a key column',
      `alter table contacts add next int; update contacts set next = id;
       alter table contacts drop constraint contacts_pkey, drop id; alter table contacts rename next to id;
       alter table contacts add primary key (id)`,
      `column id of contacts is another one than when the columns were removed: ${others}`,
    ],
  ])('%s is another one under its name: it is restored by key, and says so', async (_, change, warning) => {
    const before = await pays()
    await removeFeature(database().db, feature)
    await owner(change)
    expect((await restore()).warnings).toContain(warning)
    expect(await pays()).toEqual(before)
  })

  test('in a database that came from a dump all oids are others: nothing is said', async () => {
    await removeFeature(database().db, feature)
    await database().query(
      `update unship.runs set plan = plan || '{"ledger": "1", "sources": [{"table": "contacts", "oid": "2", "key": [3]}]}'`,
    )
    expect((await restore()).warnings).toEqual([])
  })

  test('a key with another collation cannot be compared', async () => {
    await owner('alter table contacts alter id type text collate "POSIX"')
    await removeFeature(database().db, feature)
    await owner('alter table contacts alter id type text collate "C"')
    const error = await refusedUnchanged(database(), 'not_restorable', restore)
    expect(error.detail).toBe(
      'The key of contacts (id) has another collation than in the backup, and cannot be compared with it.',
    )
  })

  test('a view in its place is refused', async () => {
    await removeFeature(database().db, feature)
    await owner('alter table contacts rename to past; create view contacts as select * from past')
    expect((await refusedUnchanged(database(), 'not_restorable', restore)).detail).toBe('contacts has become a view.')
  })

  test('so is a typed table, to which no column can be added', async () => {
    await removeFeature(database().db, feature)
    const columns = await database().query<{ list: string }>(
      `select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum) as list
       from pg_attribute where attrelid = 'contacts'::regclass and attnum > 0 and not attisdropped`,
    )
    await owner(`create type contact as (${columns[0]?.list}); alter table contacts of contact`)
    const error = await refusedUnchanged(database(), 'not_restorable', restore)
    expect(error.detail).toBe('contacts has become a typed table.')
    await owner('alter table contacts not of')
    expect(await restore()).toMatchObject({ outcome: 'restored' })
  })

  test("in a caller's transaction, constraints that wait for its end do so again", async () => {
    await owner(`create table children (id int primary key, contact int references contacts deferrable initially deferred);
      create function stay() returns trigger language plpgsql as 'begin return new; end';
      create trigger stays before update on contacts for each row execute function stay()`)
    await removeFeature(database().db, feature)
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await restoreFeature(trx, feature)
        await trx.insertInto('children').values({ id: 1, contact: 77 }).execute()
        await trx.insertInto('contacts').values({ id: 77, name: 'later' }).execute()
      })
    const child = database().db.insertInto('children').values({ id: 2, contact: 78 }).execute()
    await expect(child).rejects.toThrow('violates foreign key')
  })
})
