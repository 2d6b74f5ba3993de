import { describe, test } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { asOwner, expectRoundTrip, major } from '../../support/round-trip.ts'

describe('triggers and rules of a moved table', () => {
  const database = useDatabase()

  test('come back in every state, whether their function goes or stays', async () => {
    await asOwner(
      database(),
      `create table log (id serial primary key, what text);
       create table item (id int primary key, name text, price numeric, note text);
       create function kept_trigger() returns trigger language plpgsql as 'begin return new; end';
       create function feature_trigger() returns trigger language plpgsql as 'begin return new; end';
       comment on function feature_trigger() is 'of the feature';
       create trigger a_kept before insert on item for each row execute function kept_trigger();
       create trigger b_feature after update of name, price on item for each row
         when (old.name is distinct from new.name) execute function feature_trigger('one', E'two\\n''three''');
       create trigger c_disabled before delete on item for each row execute function kept_trigger();
       create trigger d_replica before update on item for each statement execute function feature_trigger();
       create trigger e_always after insert on item for each row execute function feature_trigger();
       create trigger f_off after insert on item for each row execute function feature_trigger();
       create constraint trigger g_later after insert or update on item deferrable initially deferred
         for each row when (new.price > 0) execute function feature_trigger();
       create constraint trigger h_kept after insert on item from log not deferrable
         for each row execute function kept_trigger();
       create trigger i_rows after update on item referencing old table as before new table as after
         for each statement execute function feature_trigger();
       create trigger j_truncate before truncate on item for each statement execute function feature_trigger();
       alter table item disable trigger c_disabled;
       alter table item enable replica trigger d_replica;
       alter table item enable always trigger e_always;
       alter table item disable trigger f_off;
       alter table item disable trigger h_kept;
       comment on trigger b_feature on item is 'b'; comment on trigger a_kept on item is 'a';
       insert into item values (1, 'x', 2, 'n');`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], functions: ['feature_trigger'] })
  })

  test('rules come back in every state', async () => {
    await asOwner(
      database(),
      `create table log (id serial primary key, what text);
       create table item (id int primary key, name text);
       create function shout(text) returns text language sql immutable as 'select upper($1)';
       create rule to_log as on insert to item do also insert into log (what) values (shout(new.name));
       create rule no_delete as on delete to item where old.id = 1 do instead nothing;
       create rule many as on update to item do also (delete from log where what = old.name; notify changed);
       alter table item disable rule no_delete;
       alter table item enable always rule to_log;
       comment on rule to_log on item is 'logs';
       insert into item values (1, 'a');`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item'], functions: ['shout'] })
  })

  test('functions that columns, checks and indexes call come back as they were', async () => {
    await asOwner(
      database(),
      `create function next_code(prefix text default 'c') returns text language sql volatile as 'select prefix || 1';
       create function long(t text) returns boolean language sql immutable return length(t) > 0;
       create function fine(t text) returns boolean language sql immutable return long(t);
       create function key_of(text) returns text language sql immutable as 'select lower($1)';
       create function twice(int) returns int language sql immutable as 'select $1 * 2';
       create table item (
         code text primary key default next_code(), name text check (fine(name)),
         n int, double int generated always as (twice(n)) stored
       );
       create index item_key on item (key_of(name)) where fine(name);
       create statistics item_stat on key_of(name), n from item;
       grant execute on function key_of(text) to crm_app with grant option;
       revoke execute on function fine(text) from public;
       comment on function twice(int) is 'times two';
       insert into item (code, name, n) values ('x', 'X', 4);`,
    )
    await expectRoundTrip(database(), {
      name: 'items',
      tables: ['item'],
      functions: ['next_code', 'fine(text)', 'long(text)', 'key_of(text)', 'twice'],
    })
  })

  test('a virtual generated column of PostgreSQL 18 too', async () => {
    if (major() < 18) return
    await asOwner(
      database(),
      `create table item (id int primary key, n int constraint "n is there" not null, double int generated always as (n * 2) virtual,
         constraint big check (n > 0) not enforced);
       create table other (id int primary key, n int); alter table other add constraint n_there not null n not valid;`,
    )
    await expectRoundTrip(database(), { name: 'items', tables: ['item', 'other'] })
  })
})
