import { describe, expect, test } from 'vitest'
import { removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'
import { asOwner } from '../support/round-trip.ts'

describe('what the restore needs and nothing keeps from being dropped once the feature is away', () => {
  const roles = useRoles('reader')
  const database = useDatabase()
  const feature = { name: 'f', tables: ['log'], columns: { host: ['gone'] }, views: ['reports.v'] }

  test('roles with privileges, and schemas: asked for before anything changes', async () => {
    const [role] = roles()
    await asOwner(
      database(),
      `create table host (id int primary key, gone int); create table log (id int primary key); insert into host values (1, 1)`,
    )
    await database().query(
      `create schema reports authorization crm_owner; set role crm_owner; create view reports.v as select gone from host;
       grant select on log to ${role} with grant option; grant update (gone) on host to ${role}; reset role`,
    )
    await removeFeature(database().db, feature)
    const renamed = `${role}_2`
    await database().query(`drop schema reports; alter role ${role} rename to ${renamed}`)
    const error = await refusal('not_restorable', restoreFeature(database().db, feature))
    expect(error.detail?.split('\n')).toEqual([`role ${role} does not exist.`, 'schema reports does not exist.'])
    await database().query(`create schema reports authorization crm_owner; alter role ${renamed} rename to ${role}`)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  const things: [string, string, string][] = [
    [
      'a column that a view reads',
      'alter table host rename kept to kept_too',
      'column kept of table host does not exist: view v needs it.',
    ],
    [
      'a function that a view calls',
      'drop function said(text)',
      'function said(text) does not exist: view v needs it.',
    ],
    [
      'a column of an index, and of a policy',
      'alter table host rename also to also_too',
      'column also of table host does not exist: index two, policy own on table other need it.',
    ],
    [
      'the function of a trigger',
      'alter function touch() rename to touched',
      'function touch() does not exist: trigger t on table host needs it.',
    ],
    [
      'what a default calls',
      'drop sequence numbers',
      'sequence numbers does not exist: default value for column n of table host needs it.',
    ],
    [
      'a table that a foreign key refers to',
      'drop table parents',
      'column id of table parents does not exist: constraint log_parent_fkey on table log needs it.',
    ],
    [
      'the key that a foreign key refers to',
      'alter table parents drop constraint parents_pkey; create unique index on parents (id) where id > 0',
      'No unique index of parents (id) is there: foreign key log_parent_fkey needs it.',
    ],
    [
      'that a table which a foreign key refers to is logged',
      'alter table parents set unlogged',
      'Table parents is unlogged by now: foreign key log_parent_fkey needs it logged.',
    ],
    [
      'a table that only bears a policy',
      'alter table other rename to others',
      'table other does not exist: policy own on table other needs it.',
    ],
    [
      'the operator class of an index',
      'alter operator class backwards using btree rename to forwards',
      'operator class backwards for access method btree does not exist: index two needs it.',
    ],
    [
      'a collation',
      'alter collation mine rename to yours',
      'collation mine does not exist: column felt_too of table host needs it.',
    ],
  ]
  test.each(things)('%s: asked for before anything changes', async (_, go, detail) => {
    await asOwner(
      database(),
      `create sequence numbers; create collation mine from "C";
       create function said(text) returns text language sql immutable as 'select $1';
       create function touch() returns trigger language plpgsql as 'begin return new; end';
       create table parents (id int primary key);
       create table host (id int primary key, kept text, also text, gone text, felt_too text collate mine, n int default nextval('numbers'));
       create table log (id int primary key, parent int references parents);
       create table other (also text); create policy own on other using (exists (select from host where host.also = other.also));
       create view v as select said(kept) as said, gone from host;
       create trigger t before update on host for each row execute function touch();
       insert into host values (1, 'kept', 'also', 'gone');`,
    )
    await database()
      .query(`create operator class backwards for type text using btree as operator 1 >, operator 2 >=, operator 3 =, operator 4 <=,
      operator 5 <, function 1 bttextcmp(text, text); alter operator class backwards using btree owner to crm_owner;
      create index two on host (also backwards, gone)`)
    const all = {
      ...{
        name: 'f',
        tables: ['log'],
        columns: { host: ['gone', 'felt_too', 'n'] },
        views: ['v'],
        indexes: ['two'],
      },
      ...{ policies: { other: ['own'] }, triggers: { host: ['t'] } },
    }
    await removeFeature(database().db, all)
    await asOwner(database(), go)
    const error = await refusedUnchanged(database(), 'not_restorable', () => restoreFeature(database().db, all))
    expect(error.message).toContain('because what it needs is gone')
    expect(error.detail?.replaceAll('public.', '').split('\n')).toContain(detail)
  })

  test('nothing is missed that is there, whatever it is called', async () => {
    await asOwner(
      database(),
      `create schema "S 1"; create type "S 1"."a ""type" as (x int); create domain "S 1".d as "S 1"."a ""type"[];
       create function "S 1"."f,1"(variadic "S 1".d[]) returns int language sql immutable as 'select 1';
       create operator "S 1".<+> (function = int4pl, leftarg = int, rightarg = int);
       create table host (id int primary key, "k,1" int, gone int, "the type" "S 1".d);
       create view v as select "k,1" operator("S 1".<+>) gone as s, "S 1"."f,1"(null::"S 1".d) from host;
       create index i on host (("k,1" operator("S 1".<+>) gone)); insert into host values (1, 2, 3)`,
    )
    const feature = { name: 'f', columns: { host: ['gone', 'the type'] }, views: ['v'], indexes: ['i'] }
    await removeFeature(database().db, feature)
    expect(await restoreFeature(database().db, feature)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('whose table is given away, to create a policy on', async () => {
    const [role] = roles()
    await asOwner(database(), `create table other (id int); create policy own on other using (id > 0)`)
    const policy = { name: 'f', policies: { other: ['own'] } }
    await removeFeature(database().db, policy)
    await database().query(`alter table other owner to ${role}`)
    const error = await refusedUnchanged(database(), 'not_owner', () => restoreFeature(database().db, policy))
    expect(error.detail).toBe(`table other belongs to ${role}.`)
  })

  test('the role of a policy', async () => {
    const [role] = roles()
    await asOwner(database(), `create table other (id int); create policy own on other to ${role} using (id > 0)`)
    const policy = { name: 'f', policies: { other: ['own'] } }
    await removeFeature(database().db, policy)
    await database().query(`alter role ${role} rename to ${role}_2`)
    const error = await refusal('not_restorable', restoreFeature(database().db, policy))
    await database().query(`alter role ${role}_2 rename to ${role}`)
    expect(error.detail).toBe(`role ${role} does not exist: policy own on table other needs it.`)
  })
})
