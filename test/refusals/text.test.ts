import { describe } from 'vitest'
import { HOST, TRIGGER_FUNCTION, gone, testRefusals } from './support.ts'

const again = (what: string) => `${what} is printed by PostgreSQL in a form that does not print the same again`
/** OR over OR: a list of which two are no constants. */
const LIST = `kept::varchar in ('x', gone::varchar, id::varchar)`
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
  }))
