import { describe } from 'vitest'
import { HOST, ITEM, gone, items, routine, testRefusals } from './support.ts'

describe('rows and row types', () =>
  testRefusals({
    'rows of the host in another table': {
      setup: `${HOST} create table other (h host)`,
      feature: gone,
      reason: 'column other.h stores rows of host',
    },
    'arrays of them': {
      setup: `${HOST} create table other (h host[])`,
      feature: gone,
      reason: 'column other.h stores rows of host',
    },
    'a domain over them': {
      setup: `${HOST} create domain rows_of_host as host; create table other (h rows_of_host)`,
      feature: gone,
      reason: 'column other.h stores rows of host',
    },
    'a composite of them': {
      setup: `${HOST} create type wrapped as (h host[], n int); create table other (h wrapped)`,
      feature: gone,
      reason: 'column other.h stores rows of host',
    },
    'a materialized view of them': {
      setup: `${HOST} create materialized view other as select h from host h`,
      feature: gone,
      reason: 'column other.h stores rows of host',
    },
    'an index over the whole row': {
      setup: `${HOST} create index whole on host ((host is null))`,
      feature: gone,
      reason: 'index whole of host is over the whole row',
    },
    'a check of the whole row': {
      setup: `${HOST} alter table host add constraint whole check (host is not null)`,
      feature: gone,
      reason: 'check whole of host is over the whole row',
    },
    'a domain over the host that names the column': {
      setup: `${HOST} create domain d as host check ((value).gone <> 'x')`,
      feature: gone,
      reason: /d_check.*, a domain that stays, needs a part of the feature/,
    },
    'the same domain, declared': {
      setup: `${HOST} create domain d as host check ((value).gone <> 'x')`,
      feature: { ...gone, types: ['d'] },
      reason: /d_check.* is kept, and needs column gone of table public.host, which is dropped meanwhile/,
    },
    'a domain over the rows of a moved table': {
      setup: `${ITEM} create domain d as item`,
      feature: items,
      code: 'undeclared_dependents',
      reason: 'type public.d depends on it',
    },
    'a domain over the rows of a view': {
      setup: 'create view v as select 1 as a; create domain d as v',
      feature: { views: ['v'], types: ['d'] },
      reason: 'type public.d is kept, and needs type public.v, which is dropped meanwhile',
    },
    'a composite of the rows of a view': {
      setup: 'create view v as select 1 as a; create type pair as (v v)',
      feature: { views: ['v'], types: ['pair'] },
      reason: 'column v of composite type public.pair is kept, and needs type public.v',
    },
    'a moved table with the rows of a view': {
      setup: 'create view v as select 1 as a; create table item (id int primary key, v v)',
      feature: { views: ['v'], ...items },
      reason: 'column v of table public.item is kept, and needs type public.v',
    },
    'a removed column with the rows of a view': {
      setup: 'create view v as select 1 as a; create table host (id int primary key, gone v)',
      feature: { views: ['v'], ...gone },
      reason: 'column gone of table public.host needs type public.v of the feature, which comes back after it',
    },
    'an aggregate over the rows of a view': {
      setup: `create view v as select 1 as a; ${routine('next(int, v)', 'int', 'select 1')}
        create aggregate total(v) (sfunc = next, stype = int)`,
      feature: { views: ['v'], functions: ['next', 'total'] },
      reason: 'function public.total(public.v) can only be moved',
    },
    'a comment on the row type of a view': {
      setup: `create view v as select 1 as a; comment on type v is 'rows'`,
      feature: { views: ['v'] },
      reason: 'the row type of view v has a comment or privileges of its own',
    },
    'privileges on the row type of a view': {
      setup: 'create view v as select 1 as a; revoke all on type v from public',
      feature: { views: ['v'] },
      reason: 'the row type of view v has a comment or privileges of its own',
    },
  }))
