import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { failAfter } from './broken.ts'
import { useDatabase } from '../support/database.ts'
import { asOwner } from '../support/round-trip.ts'

describe('the table that a foreign key refers to is replaced while the feature is away', () => {
  const database = useDatabase()
  const owner = (sql: string) => asOwner(database(), sql)

  const PLAIN = `create table parents (id int primary key); insert into parents select generate_series(1, 5)`
  const IN_PARTITIONS = `create table parents (id int primary key) partition by range (id);
    create table parents_1 partition of parents for values from (0) to (3); create table parents_2 partition of parents for values from (3) to (100);
    insert into parents select generate_series(1, 5)`
  const CHILDREN = `create table children (id int primary key, parent int references parents on delete cascade); insert into children select n, n from generate_series(1, 5) n`
  const REQUIRED = CHILDREN.replace('references', 'not null default 1 references')
  const BY_PARTITION = `create table children (id int primary key, parent int references parents on delete cascade) partition by range (id);
    create table children_1 partition of children default; insert into children select n, n from generate_series(1, 5) n`

  const moved = { name: 'f', tables: ['children'] }
  const removed = { name: 'f', columns: { children: ['parent'] } }
  const kinds: [what: string, children: string, feature: typeof moved | typeof removed][] = [
    ['a moved table', CHILDREN, moved],
    ['a moved partitioned table', BY_PARTITION, moved],
    ['a removed column', CHILDREN, removed],
    ['a removed column that is NOT NULL', REQUIRED, removed],
    ['a removed column of a partitioned table', BY_PARTITION, removed],
  ]
  const ways = [
    ['a partitioned', PLAIN, IN_PARTITIONS, 'p'],
    ['a plain', IN_PARTITIONS, PLAIN, 'r'],
  ] as const
  /** By another of its name, with the same rows but one. */
  const replace = (by: string) => owner(`drop table parents; ${by}; delete from parents where id = 5`)
  const rows = () => database().query('select id, parent from children order by id')
  const keys = () =>
    database().query(
      `select convalidated, pg_get_constraintdef(k.oid) as def, (select relkind from pg_class c where c.oid = confrelid) as of
       from pg_constraint k where conrelid = 'children'::regclass and contype = 'f' and conparentid = 0`,
    )
  const def = 'FOREIGN KEY (parent) REFERENCES parents(id) ON DELETE CASCADE'

  describe.each(ways)('by %s table', (_, before, after, of) => {
    test.each(kinds)('%s: its rows are not taken to be gone', async (__, children, feature) => {
      await owner(`${before}; ${children}; delete from children where id = 5`)
      const had = await rows()
      await removeFeature(database().db, feature)
      await replace(after)
      const restored = await restoreFeature(database().db, feature)
      expect(restored).toMatchObject({ outcome: 'restored', setAside: [] })
      expect(await rows()).toEqual(had)
      expect(await keys()).toEqual([{ convalidated: true, def, of }])
    })

    test('that one of its rows is gone is seen', async () => {
      await owner(`${before}; ${CHILDREN}`)
      await removeFeature(database().db, moved)
      await replace(after)
      expect(await restoreFeature(database().db, moved)).toMatchObject({ setAside: [{ rows: 1 }] })
      expect(await rows()).toHaveLength(4)
    })

    test('after the restore broke off', async () => {
      await owner(`${before}; ${CHILDREN}; delete from children where id = 5`)
      const had = await rows()
      await removeFeature(database().db, removed)
      await expect(restoreFeature(database().db, removed, failAfter('fill'))).rejects.toThrow('of the caller')
      await replace(after)
      expect(await restoreFeature(database().db, removed)).toMatchObject({ outcome: 'restored', setAside: [] })
      expect(await rows()).toEqual(had)
    })
  })

  test('what inherits from it still does not count', async () => {
    await owner(`${PLAIN}; ${CHILDREN}`)
    await removeFeature(database().db, moved)
    await owner(
      'create table heirs () inherits (parents); insert into heirs values (5); delete from only parents where id = 5',
    )
    expect(await restoreFeature(database().db, moved)).toMatchObject({ setAside: [{ rows: 1 }] })
  })

  test('a partition of it may go', async () => {
    await owner(`${IN_PARTITIONS}; ${CHILDREN}`)
    await removeFeature(database().db, moved)
    await owner('drop table parents_1')
    expect(await restoreFeature(database().db, moved)).toMatchObject({ outcome: 'restored', setAside: [{ rows: 2 }] })
  })
})
