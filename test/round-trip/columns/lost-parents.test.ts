import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { killedAt } from '../../states/broken.ts'
import { useDatabase } from '../../support/database.ts'
import { actingBefore } from '../../support/interleave.ts'
import { refusal } from '../../support/refusal.ts'
import { asOwner } from '../../support/round-trip.ts'
import { roundTrip } from './support.ts'

const clubs = defineFeature()({ name: 'clubs', columns: { members: ['club'] } })

describe('removed foreign-key columns whose parent went meanwhile', () => {
  const database = useDatabase()

  /** 50 members of 9 clubs, removed. */
  async function membersWithoutClubs() {
    await asOwner(
      database(),
      `create table clubs (id int primary key);
       create table members (id int primary key, club int references clubs on delete set null);
       insert into clubs select generate_series(1, 9);
       insert into members select n, 1 + n % 9 from generate_series(1, 50) n;`,
    )
    await removeFeature(database().db, clubs)
  }

  test.each(['set null', 'cascade', 'no action'])(
    'on delete %s: the reference is left empty and kept aside',
    async (action) => {
      await database().query(`
      set role crm_owner;
      create table tiers (id int primary key, name text);
      create table contacts (id int primary key, name text, tier int constraint contacts_tier references tiers on delete ${action});
      insert into tiers values (1, 'gold'), (2, 'silver');
      insert into contacts values (1, 'a', 1), (2, 'b', 2), (3, 'c', null);`)
      const feature = defineFeature()({ name: 'tier', columns: { contacts: ['tier'] } })
      await removeFeature(database().db, feature)
      await database().query('delete from tiers where id = 1')
      const restored = await restoreFeature(database().db, feature)
      expect(restored.setAside).toMatchObject([{ table: 'contacts', rows: 1 }])
      expect(restored.warnings).toEqual([])
      expect(await database().query('select id, tier from contacts order by id')).toEqual([
        { id: 1, tier: null },
        { id: 2, tier: 2 },
        { id: 3, tier: null },
      ])
      const kept = restored.setAside[0]?.kept ?? ''
      expect(await database().query(`select id, tier from ${kept}`)).toEqual([{ id: 1, tier: 1 }])
      expect(await database().query(`select convalidated from pg_constraint where conname = 'contacts_tier'`)).toEqual([
        { convalidated: true },
      ])
    },
  )

  test('and the restore broke off after they were kept aside', async () => {
    await membersWithoutClubs()
    await asOwner(database(), 'delete from clubs where id = 7')
    const broken = restoreFeature(database().db, clubs, killedAt(database(), ['phase started', 'build']))
    await refusal('server_unreachable', broken)
    const restored = await restoreFeature(database().db, clubs)
    expect(restored).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(restored.setAside).toMatchObject([{ table: 'members', rows: 5 }])
  })

  test('or after its rows were filled: nothing keeps a parent before the foreign key is back', async () => {
    await membersWithoutClubs()
    const restored = await actingBefore(
      database(),
      'phase verify',
      () => asOwner(database(), 'delete from clubs where id = 7'),
      (db) => restoreFeature(db, clubs),
    )
    expect(restored).toMatchObject({ outcome: 'restored', setAside: [{ table: 'members', rows: 5 }], warnings: [] })
    expect(await database().query('select count(club)::int as kept, bool_or(club = 7) as lost from members')).toEqual([
      { kept: 45, lost: false },
    ])
    expect(await database().query(`select count(*)::int as kept from ${restored.setAside[0]?.kept ?? ''}`)).toEqual([
      { kept: 5 },
    ])
  })

  test('stay aside, and are told of, when the restore is taken back and the parent comes again', async () => {
    await membersWithoutClubs()
    await asOwner(database(), 'delete from clubs where id = 7')
    const stop = () => Promise.reject(new Error('stopped'))
    const stopped = actingBefore(database(), 'with filled as', stop, (db) => restoreFeature(db, clubs))
    await expect(stopped).rejects.toThrow('stopped')
    const { outcome, warnings } = await removeFeature(database().db, clubs)
    expect(outcome).toBe('already removed')
    expect(warnings).toEqual([
      expect.stringMatching(/^5 rows of members stay set aside in set_aside_members_\S+, and are not restored: /),
    ])
    await asOwner(database(), 'insert into clubs values (7)')
    const restored = await restoreFeature(database().db, clubs)
    expect(restored).toMatchObject({ outcome: 'restored', setAside: [{ table: 'members', rows: 5 }] })
    expect(await database().query('select count(club)::int as kept from members')).toEqual([{ kept: 45 }])
  })

  test('where the parent is known by a removed column: of the table itself, of another one, of a moved one', async () => {
    const setup = `
      create table contacts (id int primary key, name text, code int unique, kind int default 1, unique (kind, code),
        parent int constraint contacts_parent references contacts (code) on delete cascade, twice int generated always as (2 * code) stored unique);
      create table notes (id int primary key, text text, contact int constraint notes_contact references contacts (code), twice int references contacts (twice));
      create table cards (id int primary key, kind int, code int, constraint cards_contact foreign key (kind, code) references contacts (kind, code) on delete cascade);
      insert into contacts values (1, 'a', 10, default, null), (2, 'b', 20, 2, 10), (3, 'c', 30, default, 20), (4, 'd', null, default, 30);
      insert into notes values (1, 'x', 10, 20), (2, 'y', 30, 60), (3, 'z', null, null);
      insert into cards values (1, 1, 10), (2, 2, 20), (3, 1, 30), (4, 1, null);`
    const feature = defineFeature()({
      ...{ name: 'codes', columns: { contacts: ['code', 'kind', 'parent', 'twice'], notes: ['contact', 'twice'] } },
      ...{ tables: ['cards'], acknowledge: { rewrites: { contacts: ['twice'] } } },
    })
    await roundTrip(database(), { setup, feature })
    await removeFeature(database().db, feature)
    await database().query('delete from contacts where id = 2')
    const restored = await restoreFeature(database().db, feature)
    expect(restored.warnings).toEqual([])
    expect(restored.setAside).toMatchObject([
      { table: 'contacts', rows: 1 },
      { table: 'cards', rows: 1 },
    ])
    expect(await database().query('select id, parent from contacts order by id')).toEqual([
      { id: 1, parent: null },
      { id: 3, parent: null },
      { id: 4, parent: 30 },
    ])
    expect(await database().query('select id from cards order by id')).toEqual([{ id: 1 }, { id: 3 }, { id: 4 }])
  })
})
