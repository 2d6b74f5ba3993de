import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { asOwner } from '../../support/round-trip.ts'

describe("in a caller's transaction", () => {
  const database = useDatabase()

  test('objects of many kinds leave and come back too, and orphans are set aside', async () => {
    await asOwner(
      database(),
      `create type mood as enum ('sad', 'ok');
       create table parent (id int primary key); insert into parent values (1), (2);
       create table item (id serial primary key, m mood default 'ok', parent int references parent on delete cascade);
       create function f(mood) returns setof item language sql as 'select * from public.item where m = $1';
       create function t() returns trigger language plpgsql as 'begin return new; end';
       create view z as select id, m from item; create view a as select * from z;
       create materialized view stored as select * from a with no data;
       create trigger t before insert on item for each row execute function t();
       alter table item enable row level security; alter table item force row level security;
       create policy p on item using (m = 'ok'); grant select on item, a to crm_app;
       insert into item (parent) values (1), (2);`,
    )
    const feature = {
      name: 'items',
      tables: ['item'],
      types: ['mood'],
      functions: ['f', 't'],
      views: ['a', 'stored', 'z'],
    }
    const before = await readState(database())
    await database()
      .db.transaction()
      .execute(async (trx) => {
        expect(await removeFeature(trx, feature)).toMatchObject({ outcome: 'removed' })
        expect(await restoreFeature(trx, feature)).toMatchObject({ outcome: 'restored', warnings: [], setAside: [] })
      })
    expect(await readState(database())).toEqual(before)

    await database()
      .db.transaction()
      .execute((trx) => removeFeature(trx, feature))
    await database().query('delete from parent where id = 2')
    await database()
      .db.transaction()
      .execute(async (trx) =>
        expect(await restoreFeature(trx, feature)).toMatchObject({
          warnings: [],
          setAside: [{ table: 'item', rows: 1 }],
        }),
      )
    expect(await database().query('select id, parent from item')).toEqual([{ id: 1, parent: 1 }])
  })
})
