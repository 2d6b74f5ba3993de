import { describe } from 'vitest'
import { HOST, TRIGGER_FUNCTION, gone, testRefusals } from './support.ts'

const again = (what: string) => `${what} is printed by PostgreSQL in a form that does not print the same again`
/** OR over OR: a list of which two are no constants. */
const LIST = `kept::varchar in ('x', gone::varchar, id::varchar)`
/** Printed `(ARRAY[1.5, 2.5])::integer[]`, as a cast that PostgreSQL adds is: left out, it is another thing. */
const CAST = `array_to_string((array[1.5, 2.5]::numeric[])::int[], ',')`
const LOG = 'create table log (id int, name text);'

describe('definitions that PostgreSQL would not print the same again', () =>
  testRefusals({
    'the marks of a CYCLE': {
      setup: `${HOST} create view v as with recursive r(id, gone) as (select id, gone from host union all select id + 1, gone from r)
        cycle id set looped to 'yes' default 'no' using path select id, gone, looped from r`,
      feature: { ...gone, views: ['v'] },
      reason: `${again('view v')}: syntax error`,
    },
    'a list of a view, and of a materialized one': {
      setup: `${HOST} create view v as select ${LIST} as found from host; create materialized view m as select id from host where ${LIST}`,
      feature: { ...gone, views: ['v', 'm'] },
      reason: new RegExp(`${again('materialized view m')}\\.[^]*${again('view v')}\\.`),
    },
    'a parsed function, called like one of its arguments is spoken of': {
      setup: `${HOST} create function f(host text) returns bigint language sql begin atomic select count(*) from host where ${LIST} and f.host = gone; end`,
      feature: { ...gone, functions: ['f'] },
      reason: again('function public.f(text)'),
    },
    'a policy': {
      setup: `${HOST} create policy p on host using (id > 0) with check (${LIST})`,
      feature: { ...gone, policies: { host: ['p'] } },
      reason: again('policy p of host'),
    },
    'a generated column, an index, a check and the condition of a trigger': {
      setup: `${HOST} alter table host add label varchar, add more varchar, add also bool generated always as (label in ('x', more, kept::varchar)) stored;
        create index i on host (id) where label in ('x', more, kept::varchar); alter table host add constraint c check (label in ('x', more, kept::varchar));
        ${TRIGGER_FUNCTION}
        create trigger t before update on host for each row when (new.label in ('x', old.more, new.more)) execute function on_change()`,
      feature: {
        ...{ columns: { host: ['label', 'more', 'also'] }, indexes: ['i'], triggers: { host: ['t'] } },
        acknowledge: { rewrites: { host: ['also'] } },
      },
      reason: new RegExp(
        ['trigger t', 'index i', 'generated column also', 'check c'].map((it) => again(`${it} of host`)).join('[^]*'),
      ),
    },
    'an index and the condition of a trigger of a table called like a key word': {
      setup: `create table "order" (id int primary key, label varchar, kept text, more varchar);
        create index i on "order" (id) where label in ('x', more, kept::varchar);
        ${TRIGGER_FUNCTION}
        create trigger t before update on "order" for each row when (new.label in ('x', old.more, new.more)) execute function on_change()`,
      feature: { columns: { order: ['label', 'more'] }, indexes: ['i'], triggers: { order: ['t'] } },
      reason: new RegExp(`${again('trigger t of order')}[^]*${again('index i of order')}`),
    },
    'a rule': {
      setup: `${HOST} ${LOG} create rule r as on delete to host do also insert into log select id, null from host where gone = 'x'`,
      feature: { ...gone, rules: { host: ['r'] } },
      reason: again('rule r of host'),
    },
    'the default of a removed column, and of one that is a constant but for the cast': {
      setup: `${HOST} alter table host alter gone set default ${CAST}, add more bigint[] default (array[1, 2]::int[])::bigint[]`,
      feature: { columns: { host: ['gone', 'more'] } },
      reason: new RegExp(['gone', 'more'].map((it) => again(`the default of column host.${it}`)).join('[^]*')),
    },
    'the default of a view’s column': {
      setup: `${HOST} create view v as select id, gone from host; alter view v alter gone set default ${CAST}`,
      feature: { ...gone, views: ['v'] },
      reason: again('the default of column v.gone'),
    },
    'the default of an argument': {
      setup: `create table item (id int); create function f(a text default ${CAST}) returns text language sql as 'select $1'`,
      feature: { tables: ['item'], functions: ['f'] },
      reason: again('function public.f(text)'),
    },
    'statistics, of a table called like a key word': {
      setup: `create table "order" (id int primary key, kept int, gone text);
        create statistics s on (gone || ${CAST}), kept from "order"`,
      feature: { columns: { order: ['gone'] }, statistics: ['s'] },
      reason: again('statistics s of order'),
    },
    'an exclusion constraint': {
      setup: `${HOST} alter table host add constraint x exclude using btree (id with =) where (gone::varchar in ('x', kept::varchar, id::varchar))`,
      feature: { ...gone, constraints: { host: ['x'] }, indexes: ['x'], acknowledge: { rewrites: { host: ['x'] } } },
      reason: again('exclusion constraint x of host'),
    },
    'the condition of a trigger of a moved table whose function is dropped': {
      setup: `create table item (id int, name text); ${TRIGGER_FUNCTION}
        create trigger t before insert on item for each row when (new.name <> ${CAST}) execute function on_change()`,
      feature: { tables: ['item'], functions: ['on_change'] },
      reason: again('trigger t of item'),
    },
    'the row filter of a publication': {
      setup: `create table item (id varchar primary key, a varchar, b varchar);
        create publication p for table item where (id in ('x', a, b)) with (publish = 'insert')`,
      feature: { tables: ['item'] },
      reason: again('the row filter in publication p of item'),
      superuser: true,
      since: 15,
    },
  }))
