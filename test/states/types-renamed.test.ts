import { describe, expect, test } from 'vitest'
import { archiveBackups, checkHealth, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusedUnchanged } from '../support/refusal.ts'
import { asOwner } from '../support/round-trip.ts'

const database = useDatabase()
const feature = { name: 'f', tables: ['log'] }

test.each([
  ['a type', 'alter type state rename to status'],
  ['the schema of one', 'alter schema types rename to kinds'],
  ['a function', 'alter function first_of() rename to initial'],
])('%s that stays and is renamed has not altered the backup that follows it', async (_, rename) => {
  await asOwner(
    database(),
    `create type state as enum ('a'); create function first_of() returns state language sql immutable begin atomic select 'a'::state; end`,
  )
  await database().query(`create schema types authorization crm_owner`)
  await asOwner(
    database(),
    `create domain types.name as text; create table log (id int primary key, state state default first_of(), name types.name);
     insert into log (id) values (1)`,
  )
  await removeFeature(database().db, feature)
  await asOwner(database(), rename)
  expect((await checkHealth(database().db)).filter(({ result }) => result === 'problem')).toEqual([])
  expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
})

describe('what definitions of a moved table speak of', () => {
  const HUNG = `
    create type state as enum ('a', 'b'); create domain label as text; create collation mine from "C"; create table people (id int, name text);
    create function first_of() returns state language sql immutable begin atomic select 'a'::state; end;
    create function touch() returns trigger language plpgsql as 'begin return new; end';
    create table log (id int primary key, state state default first_of(), label label collate mine check (label <> 'x'::label));
    create index on log (state) where state = 'a'; create statistics s on (label::label), id from log;
    create trigger t before insert on log for each row when (new.state = 'b') execute function touch();
    create policy p on log using (exists (select from people where name = label)); insert into log (id) values (1)`
  const RENAME = `alter type state rename to status; alter domain label rename to tag; alter collation mine rename to yours;
    alter table people rename to persons; alter table persons rename name to called; alter function first_of rename to initial;
    alter function touch rename to touched`
  const problems = async () => (await checkHealth(database().db)).filter(({ result }) => result === 'problem')

  test.each(['', 'archived'])('may be renamed, all of it %s', async (archived) => {
    await asOwner(database(), HUNG)
    await removeFeature(database().db, feature)
    await asOwner(database(), RENAME)
    if (archived) await archiveBackups(database().db, feature)
    expect(await problems()).toEqual([])
    expect((await restoreFeature(database().db, feature)).outcome).toBe('restored')
  })

  test.each([
    ['a default', `alter table backup_log alter state set default 'b'`, 'state: default was'],
    ['a type', 'alter table backup_log alter id type bigint', 'column id integer is missing'],
    ['a policy', 'alter policy p on backup_log using (true)', 'backup_log.p: using was'],
    [
      'the condition of a trigger',
      `drop trigger t on backup_log; create trigger t before insert on backup_log for each row when (new.state = 'a') execute function touched()`,
      'backup_log.t: definition was',
    ],
  ])('but %s that was altered besides is told', async (_, alter, told) => {
    await asOwner(database(), HUNG)
    await removeFeature(database().db, feature)
    await asOwner(database(), RENAME)
    await asOwner(database(), alter)
    const error = await refusedUnchanged(database(), 'backup_changed', () => restoreFeature(database().db, feature))
    expect(error.detail).toContain(told)
  })
})
