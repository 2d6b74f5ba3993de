import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const refusedDetail = async (feature: { name: string }) =>
  (
    await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, feature))
  ).detail?.replaceAll('public.', '')

describe('a primary key that a query groups by', () => {
  const feature = { name: 'notes', columns: { item: ['note'] }, views: ['notes'], functions: ['counted'] }
  const remove = async () => {
    await asOwner(
      database(),
      `create table item (id int primary key, kind int, note text); create table kind (id int primary key, name text, other int not null);
       create view notes as select kind.id, kind.name, max(note) as note from item join kind on kind.id = item.kind group by kind.id;
       create function counted() returns setof kind begin atomic select kind.* from kind join item on kind.id = item.kind group by kind.id; end;
       insert into kind values (1, 'a', 2); insert into item values (1, 1, 'n')`,
    )
    await removeFeature(database().db, feature)
  }

  test('is asked for before a restore changes anything', async () => {
    await remove()
    await asOwner(database(), 'alter table kind drop constraint kind_pkey')
    expect(await refusedDetail(feature)).toBe(
      'constraint kind_pkey on table kind does not exist: function counted(), view notes need it.',
    )
    await asOwner(database(), 'alter table kind add primary key (other)')
    expect((await refusedDetail(feature))?.split('\n')).toEqual(
      ['function counted() needs', 'view notes needs'].map(
        (who) => `constraint kind_pkey on table kind is PRIMARY KEY (other), and was PRIMARY KEY (id): ${who} it.`,
      ),
    )
  })

  test('serves by another name, and made anew', async () => {
    await remove()
    await asOwner(database(), 'alter table kind drop constraint kind_pkey, add constraint the_key primary key (id)')
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await database().query('select * from notes')).toEqual([{ id: 1, name: 'a', note: 'n' }])
  })
})

describe('a constraint that ON CONFLICT names', () => {
  const feature = { name: 'notes', columns: { item: ['note'] }, functions: ['keep'], rules: { draft: ['kept'] } }
  const remove = async () => {
    await asOwner(
      database(),
      `create table item (id int constraint item_key primary key, note text); create table draft (id int, note text);
       create function keep(int, text) returns void begin atomic
         insert into item (id, note) values ($1, $2) on conflict on constraint item_key do update set note = excluded.note; end;
       create rule kept as on insert to draft do also
         insert into item values (new.id, new.note) on conflict on constraint item_key do nothing`,
    )
    await removeFeature(database().db, feature)
  }

  test('is asked for by its name', async () => {
    await remove()
    await asOwner(database(), 'alter table item rename constraint item_key to item_pkey')
    expect(await refusedDetail(feature)).toBe(
      'constraint item_key on table item does not exist: function keep(integer,text), rule kept on table draft need it.',
    )
    await asOwner(database(), 'alter table item rename constraint item_pkey to item_key')
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })
})
