import { afterEach, describe, expect, test } from 'vitest'
import { defineFeature, planRemoval, removeFeature, restoreFeature } from 'kysely-unship'
import { useDatabase } from '../support/database.ts'
import { refusal, refusedUnchanged } from '../support/refusal.ts'
import { useRoles } from '../support/role.ts'

const roles = useRoles('mallory')
const database = useDatabase()
const nick = defineFeature()({ name: 'nick', columns: { people: ['nick'] } })

const isSuperuser = async () =>
  (await database().query<{ is: boolean }>(`select rolsuper as is from pg_roles where rolname = '${roles()[0]}'`))[0]
    ?.is

afterEach(async () => {
  await database().query(`drop owned by ${roles()[0]} cascade`)
})

/** Her own table, and a function that does no more than it may, unless a superuser's session runs it. */
async function theirs(sql: string, volatility = 'immutable') {
  const [mallory] = roles()
  await database().query(`grant create on schema public to ${mallory}`)
  const client = await database().connect(mallory)
  await client.query(`
    create table people (id int primary key, name text, nick text);
    insert into people values (1, 'Ada', 'a'), (2, 'Bob', 'b');
    create function ok(text) returns text language plpgsql ${volatility} as 'begin return $1; end';
    ${sql};
    create or replace function ok(text) returns text language plpgsql volatile as $$ begin
      reset role;
      if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        execute 'alter role ${mallory} superuser';
      end if;
      return $1;
    end $$`)
  return client
}

describe('a superuser runs no function of a table owner', () => {
  test.each([
    ['a check', `alter table people add check (ok(nick) <> '')`, 'immutable'],
    ['a check that stays', `alter table people add check (ok(name) <> '')`, 'immutable'],
    [
      'the check of a domain',
      `create domain word as text check (ok(value) <> ''); alter table people alter nick type word`,
    ],
    ['a default', `alter table people alter nick set default ok('x')`, 'volatile'],
    ['a default that stays', `alter table people alter name set default ok('x')`, 'volatile'],
    ['a generated column', `alter table people add nicks text generated always as (ok(nick)) stored`],
    ['an index', 'create index on people (ok(nick))'],
    ['an index that stays', 'create index on people (ok(name))'],
    ['a condition of an index', `create index on people (nick) where ok(nick) <> ''`],
    [
      'the condition of a trigger',
      `create function stay() returns trigger language plpgsql as 'begin return new; end';
       create trigger stays before update on people for each row when (ok(new.name) <> '') execute function stay()`,
    ],
    [
      'an operator',
      `create function same(text, text) returns bool language sql immutable as 'select $1 = $2';
       create operator === (function = same, leftarg = text, rightarg = text);
       alter table people add check (name === name)`,
    ],
  ])('in %s, when it plans or removes', async (_, sql, volatility = 'immutable') => {
    await theirs(sql, volatility)
    const columns = sql.includes('nicks') ? ['nick', 'nicks'] : ['nick']
    const feature = { ...nick, columns: { people: columns }, acknowledge: { rewrites: { people: columns } } }
    const refused = await refusal('not_owner', planRemoval(database().admin, feature))
    expect(refused.detail).toMatch(
      /^function public\.(ok\(text\)|same\(text,text\)), which belongs to mallory_\w+, is called by /,
    )
    await refusedUnchanged(database(), 'not_owner', () => removeFeature(database().admin, feature))
    expect(await isSuperuser()).toBe(false)
  })

  test('in a table that is moved, with rows that would be set aside', async () => {
    await theirs(`alter table people add check (ok(name) <> '')`)
    await refusal('not_owner', removeFeature(database().admin, { name: 'people', tables: ['people'] }))
  })

  test('in what has come since the removal', async () => {
    const client = await theirs('')
    await removeFeature(database().admin, nick)
    await client.query(`alter table people add check (ok(name) <> '')`)
    const refused = await refusedUnchanged(database(), 'not_owner', () => restoreFeature(database().admin, nick))
    expect(await isSuperuser()).toBe(false)
    await client.query(
      'create or replace function ok(text) returns text language plpgsql as $$ begin return $1; end $$',
    )
    for (const [give] of refused.hint?.matchAll(/^alter .*;$/gm) ?? []) await database().query(give)
    expect(await restoreFeature(database().admin, nick)).toMatchObject({ outcome: 'restored', warnings: [] })
  })

  test('and those of a superuser run as ever', async () => {
    await theirs(`alter table people add check (ok(name) <> '')`)
    await database().query(
      'create or replace function ok(text) returns text language plpgsql as $$ begin return $1; end $$',
    )
    const { hint } = await refusal('not_owner', removeFeature(database().admin, nick))
    for (const [give] of hint?.matchAll(/^alter .*;$/gm) ?? []) await database().query(give)
    expect(await removeFeature(database().admin, nick)).toMatchObject({ outcome: 'removed' })
    expect(await restoreFeature(database().admin, nick)).toMatchObject({ outcome: 'restored', warnings: [] })
  })
})
