import { beforeAll, describe, expect, test } from 'vitest'
import { defineFeature, removeFeature, restoreFeature } from 'kysely-unship'
import { useSharedDatabase, type TestDatabase } from '../support/database.ts'
import { readState, type State } from '../support/life.ts'
import { refusedUnchanged } from '../support/refusal.ts'

const loyalty = defineFeature()({
  name: 'loyalty',
  tables: ['loyalty_entries'],
  columns: { members: ['points', 'tier'] },
  views: ['loyal_members', 'loyalty_totals'],
  functions: ['add_points(int, int)'],
  types: ['tier'],
  sequences: ['card_numbers'],
  indexes: ['members_name_search'],
  statistics: ['members_loyalty'],
  triggers: { members: ['members_loyal'] },
})

const create = (database: TestDatabase) =>
  database.query(`
    set role crm_owner;
    create type tier as enum ('silver', 'gold');
    create sequence card_numbers start 100;
    create table members (id int primary key, name text not null, points int not null default 0, tier tier);
    alter table members add constraint members_points_check check (points >= 0);
    create function keep_all() returns trigger language plpgsql as 'begin return new; end';
    create trigger members_loyal before update of points on members for each row execute function keep_all();
    create index members_points on members (points);
    create index members_name_search on members (lower(name));
    create statistics members_loyalty on points, tier from members;
    create table loyalty_entries (id serial primary key, member_id int references members, points int);
    create index loyalty_entries_member on loyalty_entries (member_id);
    create view loyal_members as select id, name, points from members where tier = 'gold';
    create materialized view loyalty_totals as select member_id, sum(points) as points from loyalty_entries group by 1;
    create function add_points(int, int) returns void language sql as
      'update members set points = points + $2 where id = $1';
    insert into members select n, 'Member ' || n, n, case when n > 5 then 'gold'::tier end from generate_series(1, 9) n;
    insert into loyalty_entries (member_id, points) select 1 + n % 9, n from generate_series(1, 30) n;
    refresh materialized view loyalty_totals`)

describe('something new where the restore wants to put a thing', () => {
  const database = useSharedDatabase()
  let before: State
  beforeAll(async () => {
    await create(database())
    before = await readState(database(), { dump: false })
    await removeFeature(database().db, loyalty)
  })

  test.each([
    ['column', 'column members.points', 'alter table members add points text', 'alter table members drop points'],
    ['table', 'relation loyalty_entries', 'create table loyalty_entries (a int)', 'drop table loyalty_entries'],
    [
      'index of a column',
      'relation members_points',
      'create index members_points on members (name)',
      'drop index members_points',
    ],
    [
      'declared index',
      'relation members_name_search',
      'create index members_name_search on members (name)',
      'drop index members_name_search',
    ],
    [
      'index of a table',
      'relation loyalty_entries_member',
      'create sequence loyalty_entries_member',
      'drop sequence loyalty_entries_member',
    ],
    [
      'function',
      'function add_points(integer, integer)',
      `create function add_points(a int, b int) returns int language sql as 'select 1'`,
      'drop function add_points',
    ],
    ['view', 'relation loyal_members', 'create view loyal_members as select 1 as id', 'drop view loyal_members'],
    [
      'materialized view',
      'relation loyalty_totals',
      'create table loyalty_totals (a int)',
      'drop table loyalty_totals',
    ],
    ['type', 'type tier', `create type tier as enum ('bronze')`, 'drop type tier'],
    ['domain for a type', 'type tier', `create domain tier as text`, 'drop domain tier'],
    [
      'type for a table',
      'type loyalty_entries',
      `create type loyalty_entries as enum ('a')`,
      'drop type loyalty_entries',
    ],
    ['sequence', 'relation card_numbers', 'create sequence card_numbers', 'drop sequence card_numbers'],
    [
      'sequence of a table',
      'relation loyalty_entries_id_seq',
      'create view loyalty_entries_id_seq as select 1 as a',
      'drop view loyalty_entries_id_seq',
    ],
    [
      'statistics',
      'statistics members_loyalty',
      'create statistics members_loyalty on id, name from members',
      'drop statistics members_loyalty',
    ],
    [
      'constraint',
      'constraint members.members_points_check',
      'alter table members add constraint members_points_check check (id > 0)',
      'alter table members drop constraint members_points_check',
    ],
    [
      'trigger',
      'trigger members.members_loyal',
      'create trigger members_loyal before delete on members for each row execute function keep_all()',
      'drop trigger members_loyal on members',
    ],
  ])('%s', async (_, label, sql, undo) => {
    await database().query(`set role crm_owner; ${sql}`)
    const error = await refusedUnchanged(database(), 'name_taken', () => restoreFeature(database().db, loyalty))
    expect(error.detail).toContain(`${label} exists.`)
    await database().query(undo)
  })

  test('all that is in the way is named at once', async () => {
    await database().query(`
      alter table members add tier text;
      create table loyal_members (id int);
      create type tier as enum ('bronze')`)
    const error = await refusedUnchanged(database(), 'name_taken', () => restoreFeature(database().db, loyalty))
    for (const label of ['column members.tier', 'relation loyal_members', 'type tier'])
      expect(error.detail).toContain(label)
    await database().query('alter table members drop tier; drop table loyal_members; drop type tier')
  })

  test('once it is gone the feature comes back as it was', async () => {
    await database().query(`create function add_points(text) returns int language sql as 'select 1'`)
    expect(await restoreFeature(database().db, loyalty)).toMatchObject({ outcome: 'restored', warnings: [] })
    // another function of the same name was not in the way
    await database().query('drop function add_points(text)')
    expect(await readState(database(), { dump: false })).toEqual(before)
  })
})
