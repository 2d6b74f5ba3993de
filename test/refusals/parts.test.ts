import { describe } from 'vitest'
import { HOST, ITEM, gone, items, routine, testRefusals, TRIGGER_FUNCTION } from './support.ts'

const OK = routine('ok(int)', 'boolean', 'select true')
const ONE = routine('one()', 'int', 'select 1')
const CITEXT = 'create extension citext;'
const member = (of: string, setup: string) => `${CITEXT} ${setup} alter extension citext add ${of}`
const dependent = (of: string, setup: string) => `${CITEXT} ${setup} alter ${of} depends on extension citext`

describe('what stays and needs a part of the feature', () =>
  testRefusals({
    'a default that calls a function': {
      setup: `${ONE} create table kept (id int default one())`,
      feature: { functions: ['one'] },
      reason: 'default value for column id of table public.kept of a table that stays needs a part of the feature',
    },
    'a name that the restore needs for itself': {
      setup: `create table host (id int primary key, gone int not null default 1, unship_hidden_gone int,
        constraint unship_hidden_gone_not_null check (id > 0))`,
      feature: gone,
      reason:
        /column unship_hidden_gone of host has a name that the restore needs for itself[^]*constraint unship_hidden_gone_not_null of host/,
    },
    'a function that calls itself': {
      setup: `${HOST} create function f() returns int language sql return 1; create or replace function f() returns int language sql return public.f();`,
      feature: { ...gone, functions: ['f'] },
      reason: 'function "public"."f"() and others of the feature depend on each other in a circle',
    },
    'a view that reads itself': {
      setup: `${HOST} create view v as select id from host; create or replace view v as select v.id from v join host on gone = kept`,
      feature: { ...gone, views: ['v'] },
      reason: 'view "public"."v" and others of the feature depend on each other in a circle',
    },
    'a default that draws from a sequence': {
      setup: `create sequence numbers; create table kept (id int default nextval('numbers'))`,
      feature: { sequences: ['numbers'] },
      reason: 'default value for column id of table public.kept of a table that stays needs a part of the feature',
    },
    'a default that draws from the sequence of a removed column': {
      setup: `create table host (id int primary key, gone serial);
        create table kept (id int default nextval('host_gone_seq'))`,
      feature: gone,
      reason: 'default value for column id of table public.kept of a table that stays needs a part of the feature',
    },
    'a default of a view': {
      setup: `${ONE} create view kept as select 2 as id; alter view kept alter id set default one()`,
      feature: { functions: ['one'] },
      reason: 'default value for column id of view public.kept of a table that stays needs a part of the feature',
    },
    'a default of a moved table that names a view': {
      setup: `create view v as select 1 as a; create table item (id int primary key, r regclass default 'v'::regclass)`,
      feature: { views: ['v'], ...items },
      reason: /default value for column r of table public.item (is kept, and needs|needs) view public.v/,
    },
    'a generated column over a removed one': {
      setup:
        'create table host (id int primary key, gone int, twice int generated always as (gone * 2) stored, kept int)',
      feature: gone,
      code: 'undeclared_dependents',
      reason: 'column twice of table public.host depends on it',
    },
    'a generated column that calls a function': {
      setup: `${OK} create table kept (id int, is_ok boolean generated always as (ok(id)) stored)`,
      feature: { functions: ['ok'] },
      code: 'undeclared_dependents',
      reason: 'column is_ok of table public.kept depends on it',
    },
    'a check that calls a function': {
      setup: `${OK} create table kept (id int check (ok(id)))`,
      feature: { functions: ['ok'] },
      code: 'undeclared_dependents',
      reason: 'constraint kept_id_check on table public.kept depends on it',
    },
    'a check of a domain that calls a function': {
      setup: `${OK} create domain d as int check (ok(value)); create table kept (d d)`,
      feature: { functions: ['ok'] },
      reason: /d_check.*, a domain that stays, needs a part of the feature/,
    },
    'an index that calls a function': {
      setup: `${OK} create table kept (id int); create index kept_ok on kept (ok(id))`,
      feature: { functions: ['ok'] },
      code: 'undeclared_dependents',
      reason: 'index public.kept_ok depends on it',
    },
    'statistics that call a function': {
      setup: `${OK} create table kept (id int); create statistics kept_ok on (ok(id)), id from kept`,
      feature: { functions: ['ok'] },
      code: 'undeclared_dependents',
      reason: 'statistics object public.kept_ok depends on it',
    },
    'a policy of another table': {
      setup: `${HOST} create table kept (id int);
        create policy p on kept using (exists (select from host where gone = 'a'))`,
      feature: gone,
      code: 'undeclared_dependents',
      reason: 'policy p on table public.kept depends on it',
    },
    'a rule of another table': {
      setup: `${ITEM} create table kept (id int);
        create rule copy as on insert to kept do also insert into item values (new.id)`,
      feature: items,
      code: 'undeclared_dependents',
      reason: 'rule copy on table public.kept depends on it',
    },
    'a trigger of another table': {
      setup: `${TRIGGER_FUNCTION} create table kept (id int);
        create constraint trigger t after insert on kept for each row execute function on_change()`,
      feature: { functions: ['on_change'] },
      code: 'undeclared_dependents',
      reason: 'trigger t on table public.kept depends on it',
    },
    'a foreign key of another table': {
      setup: `${ITEM} create table kept (id int references item)`,
      feature: items,
      code: 'undeclared_dependents',
      reason: 'constraint kept_id_fkey on table public.kept depends on it',
    },
    'a function with a parsed body': {
      setup: `${HOST} create function kept() returns text begin atomic select gone from host; end`,
      feature: gone,
      code: 'undeclared_dependents',
      reason: 'function public.kept() depends on it',
    },
    'a function with a default argument': {
      setup: `${ONE} create function kept(a int default one()) returns int language sql as 'select a'`,
      feature: { functions: ['one'] },
      code: 'undeclared_dependents',
      reason: 'function public.kept(integer) depends on it',
    },
    'a cast': {
      setup: `${ITEM} ${routine('to_int(item)', 'int', 'select 1')} create cast (item as int) with function to_int(item)`,
      feature: { ...items, functions: ['to_int'] },
      reason: 'cast from public.item to integer: this kind of object cannot be restored',
    },
    'a foreign table': {
      setup: `create type mood as enum ('a'); create foreign data wrapper w; create server s foreign data wrapper w;
        create foreign table far (mood mood) server s`,
      feature: { types: ['mood'] },
      reason: 'column mood of foreign table public.far: this kind of object cannot be restored',
      superuser: true,
    },
  }))

describe('host tables and their columns', () =>
  testRefusals({
    'a rule on UPDATE': {
      setup: `${HOST} create rule r as on update to host do also nothing`,
      feature: gone,
      reason: 'host table host has a rule on UPDATE',
    },
    'the index of the replica identity': {
      setup: `create table host (id int primary key, gone text not null default 'x', kept text);
        create unique index host_identity on host (gone, id); alter table host replica identity using index host_identity`,
      feature: { ...gone, indexes: ['host_identity'] },
      reason: 'index host_identity of host is its replica identity',
    },
    'a part of the primary key': {
      setup: 'create table host (id int, gone int, kept text, primary key (id, gone))',
      feature: { ...gone, constraints: { host: ['host_pkey'] } },
      code: 'no_usable_key',
      reason: 'needs a primary key',
    },
    'a part of a primary key that is the replica identity': {
      setup: `create table host (id int not null unique, gone int, kept text, primary key (id, gone));
        create publication news for table host`,
      feature: { ...gone, constraints: { host: ['host_pkey'] } },
      reason: 'primary key host_pkey of host, its replica identity, holds a removed column',
      superuser: true,
    },
    'an invalid index': {
      setup: `${HOST} create index host_gone on host (gone);
        update pg_index set indisvalid = false where indexrelid = 'host_gone'::regclass`,
      feature: gone,
      reason: 'index host_gone of host is not valid',
      superuser: true,
    },
    'all columns': {
      setup: 'create table host (gone int primary key)',
      feature: gone,
      reason: 'all columns of host are declared: declare the table instead',
    },
    'no key': {
      setup: 'create table host (id int, gone text)',
      feature: gone,
      code: 'no_usable_key',
      reason: 'needs a primary key',
    },
    'a unique index whose rows would all have the default': {
      setup: `create table host (id int primary key, gone text default 'x'); create unique index host_gone on host (gone)`,
      feature: gone,
      reason: 'rows inserted meanwhile could not satisfy unique index host_gone',
    },
    'a name that the backup needs': {
      setup: 'create table host (id int primary key, backed_up_at timestamptz, kept text)',
      feature: { columns: { host: ['backed_up_at'] } },
      reason: 'column host.backed_up_at has a name that the backup needs for itself',
    },
    'NOT NULL of a partitioned table that is not valid': {
      setup: `create table host (id int primary key, gone text) partition by list (id);
        alter table host add constraint present not null gone not valid`,
      feature: gone,
      reason: 'NOT NULL constraint present of host is NOT VALID',
      since: 18,
    },
    'a temporary view': {
      setup: `${ITEM} create temporary view v as select * from item`,
      feature: items,
      code: 'undeclared_dependents',
      reason: /view pg_temp_\d+\.v depends on it/,
    },
    'an enabled event trigger': {
      setup: `${HOST} create function on_drop() returns event_trigger language plpgsql as 'begin end';
        create event trigger watcher on sql_drop execute function on_drop()`,
      feature: gone,
      reason: 'event trigger watcher could abort the restore',
      superuser: true,
    },
  }))

describe('extensions', () =>
  testRefusals({
    'a table of one': {
      setup: member('table item', ITEM),
      feature: items,
      reason: 'relation item belongs to extension citext',
      superuser: true,
    },
    'columns of a table of one': {
      setup: member('table host', HOST),
      feature: gone,
      reason: 'host table host belongs to extension citext',
      superuser: true,
    },
    'a view of one': {
      setup: member('view v', 'create view v as select 1 as a;'),
      feature: { views: ['v'] },
      reason: 'relation v belongs to extension citext',
      superuser: true,
    },
    'a sequence of one': {
      setup: member('sequence numbers', 'create sequence numbers;'),
      feature: { sequences: ['numbers'] },
      reason: 'sequence numbers belongs to extension citext',
      superuser: true,
    },
    'a type of one': {
      setup: member('type mood', `create type mood as enum ('a');`),
      feature: { types: ['mood'] },
      reason: 'type mood belongs to an extension',
      superuser: true,
    },
    'a function of one': {
      setup: member('function ok(int)', OK),
      feature: { functions: ['ok'] },
      reason: 'function public.ok(integer) belongs to extension citext',
      superuser: true,
    },
    'a function that depends on one': {
      setup: dependent('function ok(int)', OK),
      feature: { functions: ['ok'] },
      reason: 'function public.ok(integer) belongs to extension citext',
      superuser: true,
    },
    'a materialized view that depends on one': {
      setup: dependent('materialized view v', 'create materialized view v as select 1 as a;'),
      feature: { views: ['v'] },
      reason: 'relation v belongs to extension citext',
      superuser: true,
    },
    'an index that depends on one': {
      setup: dependent('index host_gone', `${HOST} create index host_gone on host (gone);`),
      feature: gone,
      reason: 'index host_gone of host depends on extension citext',
      superuser: true,
    },
    'a trigger that depends on one': {
      setup: dependent(
        'trigger t on host',
        `${HOST} ${TRIGGER_FUNCTION} create trigger t before update of gone on host for each row execute function on_change();`,
      ),
      feature: { ...gone, triggers: { host: ['t'] } },
      reason: 'trigger t of host depends on extension citext',
      superuser: true,
    },
  }))
