import { describe, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { expectRoundTrip } from '../../support/round-trip.ts'

const OK = "create function ok(int) returns boolean language sql immutable as 'select true';"

describe('parts of objects come back with them', () => {
  const database = useDatabase()
  const asSuperuser = async (setup: string, feature: object) => {
    await database().query(setup)
    await expectRoundTrip(database(), { name: 'parts', ...feature }, { db: database().admin })
  }

  test('a base type and its functions', () =>
    asSuperuser(
      `create type code;
       create function code_in(cstring) returns code language internal immutable strict as 'int4in';
       create function code_out(code) returns cstring language internal immutable strict as 'int4out';
       create type code (input = code_in, output = code_out, like = int4);
       comment on type code is 'a number'`,
      { types: ['code'], functions: ['code_in', 'code_out'] },
    ))

  test('a constraint trigger of a table that stays', () =>
    asSuperuser(
      `create function on_change() returns trigger language plpgsql as 'begin return new; end';
       create table kept (id int);
       create constraint trigger t after insert on kept deferrable initially deferred
         for each row execute function on_change();
       alter table kept disable trigger t`,
      { functions: ['on_change'], triggers: { kept: ['t'] } },
    ))

  test('statistics whose expression calls a function', () =>
    asSuperuser(
      `${OK} create table item (id int primary key); create statistics item_ok on (ok(id)), id from item;
       create table kept (id int); create statistics kept_ok on (ok(id)), id from kept; alter statistics kept_ok set statistics 7`,
      { tables: ['item'], functions: ['ok'], statistics: ['kept_ok'] },
    ))

  test('a domain over the rows of a moved table', () =>
    asSuperuser(
      `create table item (id int primary key, name text);
       create domain named as item constraint has_name check ((value).name <> '');`,
      { tables: ['item'], types: ['named'] },
    ))
})
