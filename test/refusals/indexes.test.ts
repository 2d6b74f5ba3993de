import { describe } from 'vitest'
import { gone, testRefusals } from './support.ts'

describe('indexes that are declared, over columns that stay', () =>
  testRefusals({
    'a declared index over other columns that is the replica identity': {
      setup: `create table host (id int primary key, gone text, kept int not null);
        create unique index host_kept on host (kept); alter table host replica identity using index host_kept`,
      feature: { ...gone, indexes: ['host_kept'] },
      reason: 'index host_kept of host is its replica identity',
    },
    'a declared constraint of another table that is its replica identity': {
      setup: `create table kept (id int primary key, a int not null, constraint kept_a unique (a));
        alter table kept replica identity using index kept_a`,
      feature: { constraints: { kept: ['kept_a'] } },
      reason: 'index kept_a of kept is its replica identity',
    },
    'a declared primary key that is the replica identity': {
      setup: 'create table kept (id int primary key); create publication news for table kept',
      feature: { constraints: { kept: ['kept_pkey'] } },
      reason: 'primary key kept_pkey of kept, its replica identity, is removed',
      superuser: true,
    },
    'a declared index over other columns that is not valid': {
      setup: `create table kept (id int, a int); create index kept_a on kept (a);
        update pg_index set indisvalid = false where indexrelid = 'kept_a'::regclass`,
      feature: { indexes: ['kept_a'] },
      reason: 'index kept_a of kept is not valid',
      superuser: true,
    },
    'a unique index of a partitioned table over a removed generated column, to which a foreign key of the feature refers':
      {
        setup: `create table host (id int primary key, code int, twice int generated always as (code * 2) stored) partition by list (id);
        create unique index host_code on host (id, code) include (twice);
        create table item (id int primary key, host int, code int, foreign key (host, code) references host (id, code))`,
        feature: { tables: ['item'], columns: { host: ['twice'] }, indexes: ['host_code'] },
        reason: 'index host_code of host, over a generated column, is built after the foreign key that refers to it',
      },
    'a unique index of a partition whose rows would all have the default': {
      setup: `create table host (id int primary key, gone text default 'x') partition by list (id);
        create table part partition of host default; create unique index part_gone on part (upper(gone))`,
      feature: gone,
      reason: 'rows inserted meanwhile could not satisfy unique index part_gone',
    },
    'an index of a materialized view that is not valid': {
      setup: `create materialized view v as select 1 as a; create index v_a on v (a);
        update pg_index set indisvalid = false where indexrelid = 'v_a'::regclass`,
      feature: { views: ['v'] },
      reason: 'index v_a of v is not valid',
      superuser: true,
    },
  }))
