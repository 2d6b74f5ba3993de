import { shortened } from '../../names.ts'
import { dollarQuote, id, literal, qualified } from '../../sql.ts'
import { hideRows, holds, image, list } from './backup.ts'
import type { HostPlan } from '../plan.ts'
import { dropTriggersOf, forEachClone, forEachMember } from '../tree.ts'

/** AFTER triggers that log the keys of rows whose removed columns change. */
export function watchStatements(host: HostPlan): { sql: string; reason: string; locks: boolean }[] {
  const table = qualified(host.table)
  const log = qualified(host.watch.log)
  const routine = qualified(host.watch.routine)
  const keyChanged = `pg_catalog.record_image_ne(row(${list(host.key, 'old.')}), row(${list(host.key, 'new.')}))`
  const body = `
declare
  former record;
  present record;
begin
  /*
   * Whoever renames or drops a column, the log, or takes rights on it away, must not make the application's writes fail: the cut-over
   * refuses then. The block writes nothing: each row that is logged in one would take a transaction identifier.
   */
  begin
    if not pg_catalog.has_table_privilege(${literal(log)}::pg_catalog.regclass, 'INSERT') then
      return null;
    end if;
    if tg_op = 'UPDATE' or tg_op = 'DELETE' then
      former := row(${list(host.key, 'old.')}, false)::${log};
    end if;
    if tg_op = 'UPDATE' or tg_op = 'INSERT' then
      present := row(${list(host.key, 'new.')}, false)::${log};
    end if;
  exception when others then
    return null;
  end;
  if tg_op = 'TRUNCATE' then
    insert into ${log} (unship_truncated) values (true);
    return null;
  end if;
  if tg_op = 'DELETE' or tg_op = 'UPDATE' and pg_catalog.record_image_ne(former, present) then
    insert into ${log} (${list(host.key)}) values (${list(host.key, 'former.')});
  end if;
  if tg_op <> 'DELETE' then
    insert into ${log} (${list(host.key)}) values (${list(host.key, 'present.')});
  end if;
  return null;
end`
  const when = (condition: string) => (host.everyRow ? '' : ` when (${condition})`)
  const triggers = [
    ['insert', 'row', when(holds(host, 'new'))],
    [
      'update',
      'row',
      ` when (${keyChanged} or pg_catalog.record_image_ne(${image(host, 'old')}, ${image(host, 'new')}))`,
    ],
    ['delete', 'row', when(holds(host, 'old'))],
    ['truncate', 'statement', ''],
  ] as const
  return [
    {
      sql: `create table ${log} as select ${list(host.key)} from only ${table} with no data`,
      reason: 'keys of rows that change while they are copied',
      locks: false,
    },
    { sql: withoutDomains(log), reason: 'the same', locks: false },
    {
      sql: `alter table ${log} add column unship_truncated boolean not null default false`,
      reason: 'the same',
      locks: false,
    },
    ...hideRows(host, host.watch.log).map((sql) => ({ sql, reason: 'the same', locks: false })),
    {
      sql: `create function ${routine}() returns trigger language plpgsql security definer set search_path = '' as ${dollarQuote(body, 'watch')}`,
      reason: 'logs those keys',
      locks: false,
    },
    {
      sql: `revoke all on function ${routine}() from public`,
      reason: 'nobody calls it but its triggers',
      locks: false,
    },
    ...triggers.flatMap(([event, level, condition]) => {
      const trigger = watchTrigger(host, event)
      const name = id(trigger)
      const create = (on: string) =>
        `create trigger ${name} after ${event} on ${on} for each ${level}${condition} execute function ${routine}()`
      const always = (on: string, of: string) => `alter table ${on} enable always trigger ${of}`
      // a row trigger is cloned to partitions, though on older servers not how it is enabled; a statement's is not
      const [creates, enables] = !host.members
        ? [create(table), always(table, name)]
        : level === 'row'
          ? [create(table), forEachClone(host.table, trigger, (on, of) => always(`only ${on}`, of))]
          : [forEachMember(host.table, create), forEachMember(host.table, (on) => always(`only ${on}`, name))]
      return [
        { sql: creates, reason: `sees ${event}s of the removed columns`, locks: true },
        { sql: enables, reason: 'replication appliers are seen too', locks: true },
      ]
    }),
  ]
}

/** The mark of a TRUNCATE has no key, which a domain may not allow: keys are logged as what the domains are over. */
const withoutDomains = (log: string): string => `do $domains$ declare key record; begin
  loop
    select pg_catalog.quote_ident(a.attname) as name, pg_catalog.format_type(t.typbasetype, t.typtypmod) as type,
      case when a.attcollation <> 0 then pg_catalog.format(' collate %I.%I', n.nspname, c.collname) end as collation
    into key from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid and t.typtype = 'd'
    left join pg_catalog.pg_collation c on c.oid = a.attcollation left join pg_catalog.pg_namespace n on n.oid = c.collnamespace
    where a.attrelid = ${literal(log)}::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped limit 1;
    exit when not found;
    execute pg_catalog.concat(${literal(`alter table ${log} alter column `)}, key.name, ' type ', key.type, key.collation);
  end loop;
end $domains$`

const watchEvents = ['insert', 'update', 'delete', 'truncate'] as const
const watchTrigger = (host: HostPlan, event: (typeof watchEvents)[number]) =>
  shortened(`${host.watch.trigger}_${event}`)

/** Takes the watch away again; does nothing where it is gone. */
export function unwatchStatements(host: HostPlan): string[] {
  return [
    ...(host.members
      ? [dropTriggersOf(host.watch.routine)]
      : watchEvents.map(
          (event) => `drop trigger if exists ${id(watchTrigger(host, event))} on ${qualified(host.table)}`,
        )),
    `drop function if exists ${qualified(host.watch.routine)}()`,
    `drop table if exists ${qualified(host.watch.log)}`,
  ]
}
