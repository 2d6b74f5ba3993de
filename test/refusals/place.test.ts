import { describe } from 'vitest'
import { HOST, gone, testRefusals } from './support.ts'

const ALL = `create function everything() returns setof host language sql stable as 'select * from public.host';`

describe('definitions that name the columns of a host table by their place', () =>
  testRefusals({
    'an alias list in a view': {
      setup: `${HOST} create view v as select b from host h(a, b, c)`,
      feature: { ...gone, views: ['v'] },
      reason: 'view v names columns of host by their place',
    },
    'a function that returns its rows, in a view': {
      setup: `${HOST} ${ALL} create view v as select * from everything()`,
      feature: { ...gone, views: ['v'] },
      reason: "view v names columns of a function's result, rows of host, by their place",
    },
    'a column of such a function, numbered, in a materialized view': {
      setup: `${HOST} ${ALL} create materialized view v as select "Kept", n from everything() with ordinality "E"(a, b, "Kept", n)`,
      feature: { ...gone, views: ['v'] },
      reason: "view v names columns of a function's result, rows of host, by their place",
    },
    'an array of its rows': {
      setup: `${HOST} create view v as select u.gone from unnest(array[row(1, 'a', 'b')::host]) u`,
      feature: { ...gone, views: ['v'] },
      reason: "view v names columns of a function's result, rows of host, by their place",
    },
    'a row that is made': {
      setup: `${HOST} create view v as select (row(1, 'a', 'b')::host).gone as n`,
      feature: { ...gone, views: ['v'] },
      reason: 'view v makes rows of host column by column',
    },
    'a record from JSON': {
      setup: `${HOST} create view v as select kept from jsonb_populate_record(null::host, '{}') r where gone is not null`,
      feature: { ...gone, views: ['v'] },
      reason: "view v names columns of a function's result, rows of host, by their place",
    },
    'such a function in the body of another': {
      setup: `${HOST} ${ALL} create function n() returns bigint language sql stable begin atomic select count(kept) from everything() where gone is not null; end`,
      feature: { ...gone, functions: ['n'] },
      reason: "function n() names columns of a function's result, rows of host, by their place",
    },
    'a parsed body that gives its rows': {
      setup: `${HOST} create function whole() returns setof host language sql stable begin atomic select * from host; end`,
      feature: { ...gone, functions: ['whole'] },
      reason: 'function whole() returns rows of host column by column',
    },
    'a policy': {
      setup: `${HOST} ${ALL} create table other (id int); create policy p on other using (exists (select from everything() e where e.gone = 'x'))`,
      feature: { ...gone, policies: { other: ['p'] } },
      reason: "policy p of other names columns of a function's result",
    },
    'a rule': {
      setup: `${HOST} create table other (id int); create rule r as on delete to other do also select b from host h(a, b, c)`,
      feature: { ...gone, rules: { other: ['r'] } },
      reason: 'rule r of other names columns of host by their place',
    },
    'a table called like a key word': {
      setup:
        'create table "order" (id int primary key, gone text, kept text); create view v as select h.b from "order" h(a, b, c)',
      feature: { columns: { order: ['gone'] }, views: ['v'] },
      reason: 'view v names columns of order by their place',
    },
    'a partition': {
      setup: `create table host (id int primary key, gone text, kept text) partition by list (id);
        create table part partition of host default; create view v as select b from part h(a, b, c)`,
      feature: { ...gone, views: ['v'] },
      reason: 'view v names columns of part by their place',
    },
  }))
