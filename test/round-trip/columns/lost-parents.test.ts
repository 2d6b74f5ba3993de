import { describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'

describe('removed foreign-key columns whose parent went meanwhile', () => {
  const database = useDatabase()

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
})
