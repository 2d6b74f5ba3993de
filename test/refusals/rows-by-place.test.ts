import { describe } from 'vitest'
import { testRefusals } from './support.ts'

const H = `create table h (id int primary key, b int, c int, keep int);
  create function g(h) returns boolean language sql immutable as 'select $1.b = 10';
  create function touch() returns trigger language plpgsql as 'begin return new; end';`
const gone = { columns: { h: ['b'] } }
const MAKES = 'makes rows of h column by column, and restored columns stand last'

describe('rows of a host table that are made column by column', () =>
  testRefusals({
    'in a policy': {
      setup: `${H} create table other (id int, z int); create policy p on other using (g(row(id, z, z, 10)::h))`,
      feature: { ...gone, policies: { other: ['p'] }, functions: ['g'] },
      reason: `policy p of other ${MAKES}`,
    },
    'in a check': {
      setup: `${H} alter table h add constraint ck check (g(row(id, b, c, keep)::h))`,
      feature: { ...gone, functions: ['g'] },
      reason: `constraint ck of h ${MAKES}`,
    },
    "in a trigger's WHEN": {
      setup: `${H} create trigger t before insert on h for each row when (g(row(new.id, new.b, new.c, new.keep)::h)) execute function touch()`,
      feature: { ...gone, functions: ['g', 'touch'], triggers: { h: ['t'] } },
      reason: `trigger t of h ${MAKES}`,
    },
    'in an index': {
      setup: `${H} create index hi on h (g(row(id, b, c, keep)::h))`,
      feature: { ...gone, functions: ['g'], indexes: ['hi'] },
      reason: `index hi ${MAKES}`,
    },
    'as a constant, in a view': {
      setup: `${H} create view v as select ('(1,10,20,30)'::h).b as x`,
      feature: { ...gone, views: ['v'] },
      reason: `view v ${MAKES}`,
    },
    'as a constant, in a parsed body': {
      setup: `${H} create function f() returns int language sql begin atomic select ('(1,10,20,30)'::h).b; end`,
      feature: { ...gone, functions: ['f'] },
      reason: `function f() ${MAKES}`,
    },
    'as a default of an argument': {
      setup: `${H} create function f(x h default '(1,10,20,30)') returns int language plpgsql as 'begin return x.b; end'`,
      feature: { ...gone, functions: ['f'] },
      reason: `function f(h) ${MAKES}`.replace('(h)', '(public.h)'),
    },
    'to compare its own with': {
      setup: `${H} create view v as select h.id, h.* = row(1, 10, 20, 30) as same, b from h`,
      feature: { ...gone, views: ['v'] },
      reason: 'view v compares rows of h with others column by column',
    },
    'by the columns of a join, in a view': {
      setup: `${H} create table k (id int, q int); create view v as select j.p1 from (h left join k on h.id = k.id) as j(p0, p1, p2, p3, p4, p5)`,
      feature: { ...gone, views: ['v'] },
      reason: 'view v names columns of a join with h by their place',
    },
    'by the columns of a join, in a parsed body': {
      setup: `${H} create table k (id int, "q)" int); create function f() returns setof int language sql
        begin atomic select j.p1 from (h left join k on h.id = k."q)") as j(p0, p1, p2, p3, p4, p5) order by 1; end`,
      feature: { ...gone, functions: ['f'] },
      reason: 'function f() names columns of a join with h by their place',
    },
    'in a trigger that stays': {
      setup: `${H} create trigger t before update on h for each row when (new.* is distinct from row(1, 2, 3, 4)::h) execute function touch()`,
      feature: gone,
      reason:
        'trigger t on table public.h, which stays, makes rows of h column by column: what it says of the removed ones would be lost',
    },
    'in a function that stays': {
      setup: `${H} create function f(x h default '(1,10,20,30)') returns int language plpgsql as 'begin return x.keep; end'`,
      feature: gone,
      reason: 'function public.f(public.h), which stays, makes rows of h column by column',
    },
    'in a view that stays, though the columns are the last': {
      setup: `create table h (id int primary key, b int); create view v as select ('(1,10)'::h).id`,
      feature: gone,
      reason: 'rule _RETURN on view public.v, which stays, makes rows of h column by column',
    },
  }))
