import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { actingBefore } from '../support/interleave.ts'
import { refusal } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

const notes = { name: 'notes', tables: ['note'] }
const clubs = defineFeature()({ name: 'clubs', columns: { members: ['club'] } })
const NINE = [1, 2, 3, 4, 5, 6, 7, 8, 9]

describe('another parent goes while rows are being set aside', () => {
  const database = useDatabase()

  /** Lets nobody change the child until somebody waits for that; does something, and lets go. */
  async function hold(child: string, meanwhile: string) {
    const holder = await database().connect('admin')
    await holder.query(`begin; lock table ${child} in share mode`)
    void (async () => {
      for (let waiting = 0; waiting === 0;) {
        await sleep(10)
        const [found] = await database().query<{ n: number }>(
          `select count(*)::int as n from pg_locks where not granted and relation = '${child}'::regclass`,
        )
        waiting = found?.n ?? 0
      }
      await database().query(meanwhile)
      await holder.query('commit')
    })()
  }

  const idsOf = async (table: string, column = 'id') =>
    (await database().query<{ id: number }>(`select ${column} as id from ${table} where ${column} is not null`)).map(
      ({ id }) => id,
    )

  test('no row of a returning table goes that is not kept', async () => {
    await asOwner(
      database(),
      `create table parent (id int primary key); insert into parent select generate_series(1, 9);
       create table note (id int primary key, parent int references parent on delete cascade);
       insert into note select n, n from generate_series(1, 9) n`,
    )
    await removeFeature(database().db, notes)
    await asOwner(database(), 'delete from parent where id = 2')
    const restored = await actingBefore(
      database(),
      'do $aside$',
      () => hold('backup_note', 'delete from parent where id = 3'),
      (db) => restoreFeature(db, notes),
    )
    const kept = await idsOf(restored.setAside[0]?.kept ?? '')
    expect(restored.setAside.map(({ rows }) => rows)).toEqual([kept.length])
    expect([...(await idsOf('note')), ...kept].toSorted()).toEqual(NINE)
  })

  test('no reference of a host table is emptied that is not kept', async () => {
    await asOwner(
      database(),
      `create table clubs (id int primary key); insert into clubs select generate_series(1, 9);
       create table members (id int primary key, club int references clubs);
       insert into members select n, n from generate_series(1, 9) n`,
    )
    await removeFeature(database().db, clubs)
    await asOwner(database(), 'delete from clubs where id = 2')
    const restored = await actingBefore(
      database(),
      'do $aside$',
      () => hold('backup_clubs_members', 'delete from clubs where id = 3'),
      (db) => restoreFeature(db, clubs),
    )
    const kept = await idsOf(restored.setAside[0]?.kept ?? '', 'club')
    expect([...(await idsOf('members', 'club')), ...kept].toSorted()).toEqual(NINE)
  })
})

describe('rows are set aside', () => {
  const roles = useRoles('other')
  const database = useDatabase()

  test.each(['$aside$', 'unship_reason', 'orphans', 'reason', 'at', 'relation', 'd'])(
    'of a table with a column %s',
    async (column) => {
      await asOwner(
        database(),
        `create table parent (id int primary key); insert into parent select generate_series(1, 9);
         create table note (id int primary key, "${column}" int references parent on delete cascade);
         insert into note select n, n from generate_series(1, 9) n`,
      )
      await removeFeature(database().db, notes)
      await asOwner(database(), 'delete from parent where id = 2')
      expect((await restoreFeature(database().db, notes)).setAside).toMatchObject([{ rows: 1 }])
    },
  )

  test.each([false, true])(
    'that were parents of a host table; in a transaction of the caller: %s',
    async (inTransaction) => {
      await asOwner(
        database(),
        `create table account (id int primary key); insert into account select generate_series(1, 9);
         create table partner (id int primary key, account int not null references account on delete cascade);
         create table contact (id int primary key, partner int references partner on delete set null);
         insert into partner select n, n from generate_series(1, 9) n;
         insert into contact select n, n from generate_series(1, 9) n`,
      )
      const partners = defineFeature()({ name: 'partners', tables: ['partner'], columns: { contact: ['partner'] } })
      await removeFeature(database().db, partners)
      await asOwner(database(), 'delete from account where id = 8')
      const restored = inTransaction
        ? await database()
            .db.transaction()
            .execute((transaction) => restoreFeature(transaction, partners))
        : await restoreFeature(database().db, partners)
      expect(restored).toMatchObject({ outcome: 'restored', warnings: [], setAside: [{ rows: 1 }, { rows: 1 }] })
      expect(await database().query('select id from contact where partner is null')).toEqual([{ id: 8 }])
    },
  )

  test('only where their parents may be looked for, which is asked before anything changes', async () => {
    const [other] = roles()
    await database().query(
      `create table clubs (id int primary key); alter table clubs owner to ${other}; insert into clubs select generate_series(1, 9);
       grant references on clubs to crm_owner`,
    )
    await asOwner(database(), 'create table members (id int primary key, club int references clubs)')
    const removal = await refusal('missing_privilege', removeFeature(database().db, clubs))
    expect(removal.detail).toContain('SELECT on table clubs')

    await database().query('grant select on clubs to crm_owner')
    await removeFeature(database().db, clubs)
    await database().query('revoke select, references on clubs from crm_owner')
    const restore = await refusal('missing_privilege', restoreFeature(database().db, clubs))
    expect(restore.detail).toBe('REFERENCES on table clubs.\nSELECT on table clubs.')

    await database().query('grant select, references on clubs to crm_owner')
    expect((await restoreFeature(database().db, clubs)).outcome).toBe('restored')
  })
})
