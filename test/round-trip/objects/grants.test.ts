import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../../support/database.ts'
import { readState } from '../../support/life.ts'
import { useRoles } from '../../support/role.ts'
import { asOwner, expectRefusal, expectRoundTrip } from '../../support/round-trip.ts'

const SCHEMA = `
  create table host (id uuid primary key, name text, gone int, also text);
  create table item (id serial primary key, name text default 'x', price numeric);
  create view shown as select id, name from item;
  create materialized view stored as select * from item with no data;
  create function f(int) returns int language sql as 'select $1';
  create procedure p() language sql as 'select 1';
  create aggregate sum_of(int) (sfunc = int4pl, stype = int);
  create type mood as enum ('ok');
  create sequence number;`

const FEATURE = {
  name: 'items',
  tables: ['item'],
  columns: { host: ['gone', 'also'] },
  views: ['shown', 'stored'],
  functions: ['f', 'p', 'sum_of'],
  types: ['mood'],
  sequences: ['number'],
}

describe('access rights', () => {
  const roles = useRoles('alice', 'bob', 'carol')
  const database = useDatabase()

  const schema = async (sql = '') => {
    await asOwner(database(), `${SCHEMA} ${sql}`)
    await database().query(`insert into host values (gen_random_uuid(), 'a', 1, 'b'); insert into item default values`)
  }

  /** Chains: the owner grants to alice, she to bob, he to carol. */
  function chain() {
    const [alice, bob, carol] = roles()
    const objects = ['table item', 'table shown', 'table stored', 'function f(int)', 'sequence number', 'type mood']
    const right = (object: string) =>
      object.startsWith('table') ? 'select' : object.startsWith('function') ? 'execute' : 'usage'
    return [
      `grant usage on schema public to ${alice}, ${bob};`,
      ...objects.flatMap((object) => [
        `grant ${right(object)} on ${object} to ${alice} with grant option;`,
        `set role ${alice}; grant ${right(object)} on ${object} to ${bob} with grant option;`,
        `set role ${bob}; grant ${right(object)} on ${object} to ${carol}; reset role;`,
      ]),
      `grant update (name) on item to ${bob} with grant option; grant select (gone), update (gone) on host to ${bob} with grant option;`,
      `set role ${bob}; grant update (name) on item to ${carol}; grant select (gone) on host to ${carol}; reset role;`,
    ].join('\n')
  }

  test('of every kind, with grant options, PUBLIC, and rights that the owner lost', async () => {
    const [alice, bob] = roles()
    await schema(
      `grant select, insert on item to crm_reporting; grant update on item to crm_app with grant option;
       grant delete on item to ${bob}; grant select on item to public; grant truncate on item to ${alice};
       grant insert (name), references (id) on item to ${bob}; grant select (price) on item to public;
       revoke update, trigger on item from crm_owner;
       grant usage on sequence item_id_seq to ${bob}, public; revoke all on sequence number from crm_owner;
       grant select (id), update (name) on shown to ${alice} with grant option; revoke insert, delete on stored from crm_owner;
       revoke all on function f(int) from public; grant execute on function f(int) to ${bob} with grant option;
       revoke execute on procedure p() from crm_owner; grant execute on function sum_of(int) to ${alice};
       revoke usage on type mood from public; grant usage on type mood to ${bob} with grant option;
       grant select (gone), insert (gone) on host to public; grant select (also) on host to ${bob} with grant option;
       grant update (also) on host to ${alice}, crm_owner; grant all on host to ${bob};`,
    )
    await expectRoundTrip(database(), FEATURE)
  })

  test('in chains of grantors, by a superuser', async () => {
    await schema()
    await database().query(chain())
    await expectRoundTrip(database(), FEATURE, { db: database().admin })
  })

  test('in chains whose links stand behind what they gave, since the first that gave it is gone', async () => {
    const [alice, bob, carol] = roles()
    await schema()
    const objects = {
      'table item': 'select',
      'table shown': 'select',
      'function f(int)': 'execute',
      'sequence number': 'usage',
      'table host': 'select (gone), update (gone)',
    }
    await database().query(
      [
        `grant usage on schema public to ${alice}, ${bob}, ${carol};`,
        ...Object.entries(objects).flatMap(([object, right]) => [
          `grant ${right} on ${object} to ${alice} with grant option;`,
          `set role ${alice}; grant ${right} on ${object} to ${bob}; reset role;`,
          `grant ${right} on ${object} to ${carol} with grant option;`,
          `set role ${carol}; grant ${right} on ${object} to ${alice} with grant option; reset role;`,
          `revoke ${right} on ${object} from ${alice};`,
        ]),
      ].join('\n'),
    )
    // what was granted, in whatever order the lists have it by now
    const granted = () =>
      database().query(`
        select o.name, pg_get_userbyid(a.grantor) as grantor, pg_get_userbyid(a.grantee) as grantee, a.privilege_type, a.is_grantable
        from (select relname as name, relacl as acl from pg_class where relnamespace = 'public'::regnamespace
          union all select proname, proacl from pg_proc where pronamespace = 'public'::regnamespace
          union all select attrelid::regclass || '.' || attname, attacl from pg_attribute where attname = 'gone') o
        cross join lateral aclexplode(o.acl) a where a.grantee not in (a.grantor, 0) order by 1, 2, 3, 4`)
    const before = await granted()
    expect(before.filter(({ grantor }) => grantor === alice)).toHaveLength(6)
    await removeFeature(database().admin, FEATURE)
    expect(await restoreFeature(database().admin, FEATURE)).toMatchObject({ outcome: 'restored', warnings: [] })
    expect(await granted()).toEqual(before)
  })

  test('in chains of grantors are refused where the role may not act for them', async () => {
    const [alice, bob] = roles()
    await schema()
    await database().query(chain())
    const refusal = await expectRefusal(database(), FEATURE)
    expect(refusal.code).toBe('not_restorable')
    expect(refusal.detail?.split('\n').toSorted()).toEqual(
      [
        ...[
          'relation item',
          'relation shown',
          'relation stored',
          'function public.f(integer)',
          'sequence number',
        ].flatMap((name) =>
          [alice, bob].map((role) => `a privilege on ${name} was granted by ${role}, whom crm_owner may not act for.`),
        ),
        `a privilege on column host.gone was granted by ${bob}, whom crm_owner may not act for.`,
        `a privilege on column item.name was granted by ${bob}, whom crm_owner may not act for.`,
      ].toSorted(),
    )
  })

  test('in chains of grantors by a plain owner who is a member of them', async () => {
    const [alice, bob] = roles()
    await schema()
    await database().query(`${chain()} grant ${alice}, ${bob} to crm_owner`)
    await expectRoundTrip(database(), FEATURE)
  })

  test('of a grantor who may not use the schema any more are refused', async () => {
    const [alice] = roles()
    await schema()
    await database().query(`${chain()} revoke usage on schema public from ${alice}, public`)
    await database().query('grant all on schema public to crm_owner')
    const refusal = await expectRefusal(database(), FEATURE, database().admin)
    expect(refusal.code).toBe('missing_privilege')
    expect(refusal.detail).toContain(`USAGE on schema public, for role ${alice}`)
  })

  test('by default privileges that give and take', async () => {
    const [alice] = roles()
    await asOwner(
      database(),
      `alter default privileges revoke execute on functions from public;
       alter default privileges revoke usage on types from public;
       alter default privileges in schema public grant select on tables to ${alice} with grant option;
       alter default privileges revoke all on tables from crm_owner;
       ${SCHEMA}
       alter default privileges grant execute on functions to ${alice}, public;
       alter default privileges grant all on tables to crm_owner;
       grant select, update, trigger on host to crm_owner;
       create function plain() returns int language sql as 'select 1'; create view bare as select 1 as one from item;`,
    )
    await expectRoundTrip(database(), {
      ...FEATURE,
      views: [...FEATURE.views, 'bare'],
      functions: [...FEATURE.functions, 'plain'],
    })
  })

  test('that the owner lost and a removal or restore needs are asked for', async () => {
    await schema(
      `create table kept (id int primary key); alter table item add parent int references kept;
       create function note() returns trigger language plpgsql as 'begin return new; end';
       create trigger note before insert on item for each row execute function note();
       revoke update, trigger on host from crm_owner; revoke select, references on kept from crm_owner;
       revoke trigger, select on item from crm_owner; revoke execute on function note() from public, crm_owner;`,
    )
    const refusal = await expectRefusal(database(), { ...FEATURE, functions: [...FEATURE.functions, 'note'] })
    expect(refusal.code).toBe('missing_privilege')
    expect(refusal.detail?.split('\n').toSorted()).toEqual([
      'EXECUTE on function public.note().',
      'REFERENCES on table kept.',
      'SELECT on table kept.',
      'TRIGGER on table host.',
      'TRIGGER on table item.',
      'UPDATE on table host.',
    ])
  })

  test('leave what is not the feature untouched', async () => {
    const [alice] = roles()
    await schema(
      `create view other as select id from host; create table another (id int); create function g() returns int language sql as 'select 1';
       grant select on other to ${alice}; grant insert on another to public;`,
    )
    const read = () =>
      database().query(
        `select c.oid, c.relname, c.xmin::text, c.relacl::text from pg_class c where relname in ('other', 'another')
         union all select p.oid, p.proname, p.xmin::text, p.proacl::text from pg_proc p where proname = 'g' order by 1`,
      )
    const before = await read()
    const state = await readState(database())
    await removeFeature(database().db, FEATURE)
    expect(await read()).toEqual(before)
    await restoreFeature(database().db, FEATURE)
    expect(await read()).toEqual(before)
    expect(await readState(database())).toEqual(state)
  })
})
