import { describe, expect, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { useRoles } from '../../support/role.ts'
import { asOwner, expectRefusal, expectRoundTrip, major } from '../../support/round-trip.ts'

describe('views', () => {
  const roles = useRoles('viewer')
  const database = useDatabase()
  const tables = `
    create table kept (id int primary key, name text, extra text);
    create table item (id int primary key, name text, price numeric, parent int);
    insert into kept values (1, 'k', 'e'); insert into item values (1, 'a', 2.50, null), (2, 'b', 3, 1);`

  test('on views on views, in whatever order their names are', async () => {
    await asOwner(
      database(),
      `${tables}
       create view z_base as select id, name, price from item;
       create view m_next as select name, sum(price) as total from z_base group by name;
       create view a_last as select m.total, z.id from m_next m join z_base z using (name);
       create view "The ""Top""" as select * from a_last union all select 1, 2;
       create function b_count() returns bigint language sql as 'select count(*) from public.a_last';
       create view c_of_function as select b_count() as n, a_last from a_last;
       create view unrelated as select * from kept;
       comment on view z_base is 'base'; comment on rule "_RETURN" on z_base is 'its query''s';
       comment on column z_base.price is 'price';`,
    )
    await expectRoundTrip(database(), {
      name: 'items',
      tables: ['item'],
      views: ['a_last', 'c_of_function', 'm_next', '"The ""Top"""', 'z_base'],
      functions: ['b_count'],
    })
  })

  test('with options, check options, defaults, rules and INSTEAD OF triggers', async () => {
    await asOwner(
      database(),
      `${tables}
       create function put_item() returns trigger language plpgsql as 'begin return new; end';
       create function new_name() returns text language sql as $$select 'new'$$;
       create view barrier with (security_barrier) as select * from item where price > 0 with local check option;
       create view cascaded as select * from barrier where id > 0 with cascaded check option;
       create view plain (a, b) as select id, name from item;
       alter view plain alter column a set default 7, alter column b set default new_name();
       create trigger put instead of insert or update on plain for each row execute function put_item('x');
       create rule away as on delete to plain do instead delete from item where id = old.a;
       create recursive view tree (id, level) as
         select id, 1 from item where parent is null union all select i.id, level + 1 from tree t join item i on i.parent = t.id;
       create view kept_too as select k.id, i.name from kept k left join item i using (id);
       comment on trigger put on plain is 'puts'; comment on rule away on plain is 'away';
       grant select (a, b), insert (b) on plain to crm_app; grant update (b) on plain to crm_reporting with grant option;`,
    )
    await expectRoundTrip(database(), {
      name: 'items',
      tables: ['item'],
      views: ['barrier', 'cascaded', 'plain', 'tree', 'kept_too'],
      functions: ['put_item', 'new_name'],
    })
  })

  test('of another role that the migrating one is a member of', async () => {
    const [viewer] = roles()
    await asOwner(
      database(),
      `${tables} grant select on item to ${viewer}; grant create, usage on schema public to ${viewer};`,
    )
    await database().query(
      `grant ${viewer} to crm_owner; set role ${viewer};
       create view theirs as select id from item; grant select on theirs to crm_app; reset role;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['theirs'] })
  })

  test('of another role that may not create in the schema come back by a superuser', async () => {
    const [viewer] = roles()
    await asOwner(database(), `${tables} create view theirs as select id from item;`)
    await database().query(`alter view theirs owner to ${viewer}; alter table item owner to ${viewer}`)
    const feature = { name: 'items', tables: ['item'], views: ['theirs'] }
    await database().query(`grant ${viewer} to crm_owner; revoke create on schema public from public`)
    expect(await expectRefusal(database(), feature)).toMatchObject({
      code: 'missing_privilege',
      detail: `CREATE on schema public, for role ${viewer}.`,
    })
    await expectRoundTrip(database(), feature, { db: database().admin })
  })

  test('and functions that take and return their rows', async () => {
    await asOwner(
      database(),
      `${tables}
       create view z_view as select id, name from item;
       create materialized view y_stored as select * from z_view;
       create function a_rows() returns setof z_view language sql as 'select * from public.z_view';
       create function b_names(z_view, y_stored[]) returns text language sql as 'select $1.name';
       create view x_of as select b_names(r, null) as name from a_rows() r;`,
    )
    await expectRoundTrip(database(), {
      name: 'items',
      tables: ['item'],
      views: ['x_of', 'y_stored', 'z_view'],
      functions: ['a_rows', 'b_names'],
    })
  })

  test('that depend on a function and it on them are refused', async () => {
    await asOwner(
      database(),
      `${tables} create view round as select id from item;
       create function rounds() returns setof round language sql as 'select 1';
       create or replace view round as select id from item union select (rounds()).id;`,
    )
    const refusal = await expectRefusal(database(), { name: 'items', views: ['round'], functions: ['rounds'] })
    expect(refusal.code).toBe('not_restorable')
    expect(refusal.detail).toContain('in a circle')
  })

  test('of another role that the migrating one is not a member of are refused', async () => {
    const [viewer] = roles()
    await asOwner(
      database(),
      `${tables} grant select on item to ${viewer}; grant create on schema public to ${viewer};`,
    )
    await database().query(`set role ${viewer}; create view theirs as select id from item; reset role;`)
    const refusal = await expectRefusal(database(), { name: 'items', tables: ['item'], views: ['theirs'] })
    expect(refusal).toMatchObject({ code: 'not_owner', detail: `view theirs belongs to ${viewer}.` })
  })

  test('that depend on the feature and are not declared are suggested', async () => {
    await asOwner(
      database(),
      `${tables} create view one as select * from item; create view two as select * from one; create materialized view three as select * from two;`,
    )
    const refusal = await expectRefusal(database(), { name: 'items', tables: ['item'] })
    expect(refusal.code).toBe('undeclared_dependents')
    expect(refusal.suggestion?.views?.toSorted()).toEqual(['one', 'three', 'two'])
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], ...refusal.suggestion })
  })

  test('that run with the rights of their caller', async () => {
    if (major() < 15) return
    await asOwner(
      database(),
      `${tables} create view invoked with (security_invoker = true, security_barrier = false) as select * from item;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['invoked'] })
  })
})

describe('materialized views', () => {
  const database = useDatabase()

  test('come back populated or not, with indexes, options and grants', async () => {
    await asOwner(
      database(),
      `create table kept (id int primary key); insert into kept values (1);
       create table item (id int primary key, name text, body text);
       insert into item select n, 'n' || n, 'b' from generate_series(1, 30) n;
       create view base as select id, upper(name) as name, body from item;
       create materialized view z_full with (fillfactor = 50, toast.autovacuum_enabled = false) as select * from base;
       create materialized view a_empty as select count(*) as n from z_full with no data;
       comment on rule "_RETURN" on z_full is 'filled by it'; comment on rule "_RETURN" on a_empty is 'and by it';
       create materialized view on_kept as select * from kept;
       create unique index z_full_id on z_full (id);
       create index z_full_name on z_full (lower(name)) where id > 3;
       create index a_empty_n on a_empty (n);
       alter materialized view z_full cluster on z_full_id;
       alter materialized view z_full alter body set storage external, alter name set statistics 42;
       alter index z_full_name alter column 1 set statistics 99;
       create statistics z_stat on name, body from z_full;
       comment on statistics z_stat is 'st';
       comment on materialized view z_full is 'all'; comment on column z_full.name is 'upper'; comment on index z_full_id is 'i';
       grant select on z_full to crm_app with grant option; grant select (n) on a_empty to crm_reporting;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], views: ['a_empty', 'base', 'z_full'] })
  })
})
