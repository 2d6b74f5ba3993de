import { describe } from 'vitest'
import { HOST, ITEM, gone, items, routine, testRefusals, TRIGGER_FUNCTION } from './support.ts'

const PARTITIONED = 'create table kept (id int) partition by list (id); create table part partition of kept default;'
const OK = routine('ok(int)', 'boolean', 'select true')

describe('typed tables, inheritance and partitions', () =>
  testRefusals({
    'columns of a typed table': {
      setup: 'create type shape as (id int, gone text); create table host of shape (primary key (id))',
      feature: gone,
      reason: 'host table host is a typed table',
    },
    'the type of a typed table': {
      setup: 'create type shape as (id int); create table item of shape',
      feature: { types: ['shape'] },
      reason: 'table public.item inherits from, is a partition of or is typed by the feature',
    },
    'a table with children': {
      setup: `${ITEM} create table child () inherits (item)`,
      feature: items,
      code: 'undeclared_dependents',
      reason: 'table public.child inherits from it.',
    },
    'a table and one of its children': {
      setup: `${ITEM} create table child () inherits (item); create table other () inherits (child)`,
      feature: { tables: ['item', 'child'] },
      code: 'undeclared_dependents',
      reason: 'table public.other inherits from it.',
    },
    'a child of a table that stays': {
      setup: `create table parent (id int); create table item () inherits (parent)`,
      feature: items,
      reason: 'relation item inherits from public.parent',
    },
    'a child of two tables, one of which stays': {
      setup: `create table parent (id int); create table item (id int); create table child () inherits (item, parent)`,
      feature: { tables: ['item', 'child'] },
      reason: 'relation child inherits from public.item, public.parent',
    },
    'a column that children inherit': {
      setup: `${HOST} create table child () inherits (host)`,
      feature: gone,
      reason: 'host table host has tables that inherit from it',
    },
    'a column of which a child has a copy of its own': {
      setup: `${HOST} create table child (gone text) inherits (host)`,
      feature: gone,
      reason: 'host table host has tables that inherit from it',
    },
    'an inherited column': {
      setup: 'create table parent (id int, gone text); create table host (primary key (id)) inherits (parent)',
      feature: gone,
      reason: 'column host.gone is inherited',
    },
    'a column that is inherited and local too': {
      setup:
        'create table parent (id int, gone text); create table host (gone text, primary key (id)) inherits (parent)',
      feature: gone,
      reason: 'column host.gone is inherited',
    },
    'a column of its own of a child that has children': {
      setup: `create table parent (id int); create table host (gone text, primary key (id)) inherits (parent);
        create table child () inherits (host)`,
      feature: gone,
      reason: 'host table host has tables that inherit from it',
    },
    'an index of a partitioned table that keeps its columns': {
      setup: `${routine('twice(int)', 'int', 'select $1 * 2')} ${PARTITIONED} create index kept_twice on kept (twice(id))`,
      feature: { functions: ['twice'], indexes: ['part_twice_idx'] },
      code: 'undeclared_dependents',
      reason: 'index kept_twice of kept is one of a partitioned table',
    },
    'a column of the partition key': {
      setup: `create table host (id int, gone int, primary key (id, gone)) partition by list (gone)`,
      feature: gone,
      code: 'undeclared_dependents',
      reason: 'column host.gone belongs to the partition key',
    },
    'a partitioned table without a key': {
      setup: 'create table host (id int, gone text) partition by list (id)',
      feature: gone,
      code: 'no_usable_key',
      reason: 'A backup of columns needs a primary key',
    },
    'an exclusion constraint of a partition': {
      setup: `create table host (id int primary key, gone int4range) partition by list (id);
        create table part partition of host default; alter table part add exclude using gist (gone with &&)`,
      feature: gone,
      reason: 'exclusion constraint part_gone_excl of part is one of a partitioned table',
    },
    'a foreign key of a partition alone': {
      setup: `create table other (id int primary key); create table host (id int primary key, gone int) partition by list (id);
        create table part partition of host default; alter table part add foreign key (gone) references other`,
      feature: gone,
      reason: 'foreign key part_gone_fkey of part is one of a partitioned table',
    },
    'an index of a partitioned table that is not valid': {
      setup: `create table host (id int primary key, gone int) partition by list (id);
        create table part partition of host default; create index host_gone on only host (gone)`,
      feature: gone,
      reason: 'index host_gone of host is not valid',
    },
    'a sequence of a column of a partition': {
      setup: `create table host (id int primary key, gone int) partition by list (id);
        create table part partition of host default; create sequence numbers owned by part.gone`,
      feature: gone,
      reason: 'sequence numbers belongs to a column of a partition',
    },
    'a partition that stores rows elsewhere': {
      setup: `create table host (id int primary key, gone int) partition by list (id);
        create table part partition of host default; create table kept (row part)`,
      feature: gone,
      reason: 'column kept.row stores rows of part',
    },
    'a published partition': {
      setup: `create table host (id int primary key, gone int) partition by list (id);
        create table part partition of host default; create publication p for table part`,
      feature: gone,
      superuser: true,
      reason: 'partition part is published by p as part of a partition tree',
    },
    'NOT NULL of a partition alone, which new rows could not satisfy': {
      setup: `create table host (id int primary key, gone int) partition by list (id);
        create table part partition of host default; alter table part alter gone set not null`,
      feature: gone,
      code: 'fill_value_missing',
      reason: 'Column part.gone is NOT NULL and has no default',
    },
    'NOT NULL of a partition under another name': {
      since: 18,
      setup: `create table host (id int primary key, gone int constraint one not null) partition by list (id);
        create table part (id int not null, gone int constraint other not null);
        alter table host attach partition part default`,
      feature: gone,
      reason: 'has another name than',
    },
    'a partition': {
      setup: 'create table whole (id int) partition by list (id); create table item partition of whole default',
      feature: items,
      reason: 'relation item is a partition of public.whole, which stays',
    },
    'a partition that holds partitions': {
      setup: `create table whole (id int) partition by list (id);
        create table item partition of whole default partition by list (id); create table part partition of item default`,
      feature: items,
      reason: 'relation item is a partition of public.whole, which stays',
    },
    'a partitioned table that is published, and has no partition': {
      setup: `create table item (id int) partition by list (id); create publication p for table item`,
      feature: items,
      reason: 'relation item is published by p as part of a partition tree',
      superuser: true,
    },
    'a partition that is published': {
      setup: `create table item (id int) partition by list (id); create table part partition of item default;
        create publication p for table part`,
      feature: items,
      reason: 'partition part is published by p',
      superuser: true,
    },
    'columns of a partition': {
      setup: `create table whole (id int primary key, gone text) partition by list (id);
        create table host partition of whole default`,
      feature: gone,
      reason: 'host table host is a partition',
    },
    'a foreign key from a partitioned table': {
      setup: `${ITEM} create table kept (id int references item) partition by list (id);
        create table part partition of kept default`,
      feature: items,
      code: 'undeclared_dependents',
      reason: 'constraint kept_id_fkey on table public.kept depends on it.',
    },
    'a part of a foreign key of a partitioned table': {
      setup: `create table other (id int primary key); create table kept (id int references other) partition by list (id);
        create table part partition of kept default`,
      feature: { constraints: { part: ['kept_id_fkey'] } },
      reason: 'foreign key kept_id_fkey of part is a part of kept_id_fkey: declare that',
    },
    'foreign keys of a partitioned table that say the same': {
      setup: `create table kept (id int primary key);
        create table item (id int constraint a references kept constraint b references kept) partition by list (id)`,
      feature: items,
      reason: 'foreign key a of item says the same as b',
    },
    'an index of a partitioned table that stays, over a function of the feature': {
      setup: `${PARTITIONED} ${OK} create index kept_ok on kept (ok(id))`,
      feature: { functions: ['ok'], indexes: ['part_ok_idx'] },
      code: 'undeclared_dependents',
      reason: 'index public.kept_ok depends on it',
    },
    'a trigger of a partitioned table': {
      setup: `${PARTITIONED} ${TRIGGER_FUNCTION}
        create trigger t after insert on kept for each row execute function on_change()`,
      feature: { functions: ['on_change'], triggers: { kept: ['t'], part: ['t'] } },
      reason: 'trigger t of kept is one of a partitioned table',
    },
    'an index of a partitioned table': {
      setup: `${PARTITIONED} ${OK} create index kept_ok on kept (ok(id))`,
      feature: { functions: ['ok'], indexes: ['kept_ok', 'part_ok_idx'] },
      reason: 'index part_ok_idx of part is one of a partitioned table',
    },
    'a check that partitions inherit': {
      setup: `${OK} create table kept (id int, constraint c check (ok(id))) partition by list (id);
        create table part partition of kept default`,
      feature: { functions: ['ok'], constraints: { kept: ['c'], part: ['c'] } },
      reason: 'constraint c of part is inherited',
    },
    'a check that children inherit': {
      setup: `${OK} create table kept (id int, constraint c check (ok(id))); create table child () inherits (kept)`,
      feature: { functions: ['ok'], constraints: { kept: ['c'], child: ['c'] } },
      reason: 'constraint c of child is inherited',
    },
    'a column of a partitioned table that has the feature’s type': {
      setup: `create type mood as enum ('a'); create table kept (id mood) partition by list (id)`,
      feature: { types: ['mood'] },
      code: 'undeclared_dependents',
      reason:
        /^column id of table public.kept depends on it\.\nWith that, .*\n(.*\n)*column kept.id belongs to the partition key/,
    },
  }))
