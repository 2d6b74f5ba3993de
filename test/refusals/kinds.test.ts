import { describe } from 'vitest'
import type { Kind, kindVerdicts } from '../../src/catalog/verdicts/kinds.ts'
import { HOST, ITEM, gone, items, routine, testRefusals, type RefusedCase } from './support.ts'

type RefusedKind = {
  [K in Kind]: (typeof kindVerdicts)[K]['verdict'] extends 'refused' ? K : never
}[Kind]

const unknown = (what: string) => `${what}: this kind of object cannot be restored.`
const SAME = `${routine('same(int, int)', 'boolean', 'select true')}
  create operator === (leftarg = int, rightarg = int, function = same);`
const WRAPPER = 'create foreign data wrapper w; create server s foreign data wrapper w;'
const LEXIZE = `
  create function lexize(internal, internal, internal, internal) returns internal language internal as 'dsimple_lexize';
  create text search template words (lexize = lexize);
  create text search dictionary word (template = words);
  create text search configuration language (parser = 'default');
  alter text search configuration language add mapping for word with word;`
const FROM_SQL =
  "create function from_sql(internal) returns internal language internal immutable as 'textin'; create type mood as enum ('a');"
const HANDLER = `create function handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';`

/** Each kind that the verdicts call refused, as a part of a feature or a dependent of it. */
const cases: Readonly<Record<RefusedKind, RefusedCase>> = {
  'pg_class.f': {
    setup: `${WRAPPER} create foreign table item (id int) server s`,
    feature: items,
    reason: 'relation item is a foreign table',
    superuser: true,
  },
  'pg_type.p': { setup: 'create type mood', feature: { types: ['mood'] }, reason: 'shell type', superuser: true },
  pg_am: {
    setup: `create function handler(internal) returns index_am_handler language internal as 'bthandler';
      create access method tree type index handler handler`,
    feature: { functions: ['handler'] },
    reason: unknown('access method tree'),
    superuser: true,
  },
  pg_amop: {
    setup: `${SAME} create operator family same using btree;
      alter operator family same using btree add operator 3 === (int, int)`,
    feature: { functions: ['same'] },
    reason: /operator 3 .* of operator family .*: this kind of object cannot be restored/,
    superuser: true,
  },
  pg_amproc: {
    setup: `${routine('compare(int, int)', 'int', 'select 0')} create operator family same using btree;
      alter operator family same using btree add function 1 (int, int) compare(int, int)`,
    feature: { functions: ['compare'] },
    reason: /function 1 .* of operator family .*: this kind of object cannot be restored/,
    superuser: true,
  },
  pg_conversion: {
    setup: `create function convert(integer, integer, cstring, internal, integer, boolean) returns integer
        language c strict as '$libdir/utf8_and_iso8859_1', 'iso8859_1_to_utf8';
      create conversion other for 'LATIN1' to 'UTF8' from convert`,
    feature: { functions: ['convert'] },
    reason: unknown('conversion public.other'),
    superuser: true,
  },
  pg_event_trigger: {
    setup: `create function on_drop() returns event_trigger language plpgsql as 'begin end';
      create event trigger watcher on sql_drop execute function on_drop(); alter event trigger watcher disable`,
    feature: { functions: ['on_drop'] },
    reason: unknown('event trigger watcher'),
    superuser: true,
  },
  pg_foreign_data_wrapper: {
    setup: `${routine('validate(text[], oid)', 'boolean', 'select true')} create foreign data wrapper w validator validate`,
    feature: { functions: ['validate'] },
    reason: unknown('foreign-data wrapper w'),
    superuser: true,
  },
  pg_language: {
    setup: `${HANDLER} create language other handler handler`,
    feature: { functions: ['handler'] },
    reason: unknown('language other'),
    superuser: true,
  },
  pg_opclass: {
    setup: `create type pair as (a int, b int); ${routine('compare(pair, pair)', 'int', 'select 0')}
      create operator class pairs for type pair using btree as function 1 compare(pair, pair)`,
    feature: { types: ['pair'], functions: ['compare'] },
    reason: unknown('operator class public.pairs for access method btree'),
    superuser: true,
  },
  pg_operator: {
    setup: SAME,
    feature: { functions: ['same'] },
    reason: unknown('operator public.===(integer,integer)'),
  },
  pg_publication_namespace: {
    setup: `${ITEM} create publication news for tables in schema public`,
    feature: items,
    reason: 'publication news would publish the backups',
    superuser: true,
    since: 15,
  },
  pg_subscription: {
    setup: `${HOST} create subscription s connection 'dbname=nowhere' publication news with (connect = false);
      set allow_system_table_mods = on;
      insert into pg_subscription_rel select oid, 'host'::regclass, 'r', null from pg_subscription where subname = 's'`,
    feature: gone,
    reason: 'host table host is filled by subscription s',
    superuser: true,
  },
  pg_transform: {
    setup: `${FROM_SQL} create transform for mood language plpgsql (from sql with function from_sql(internal))`,
    feature: { types: ['mood'], functions: ['from_sql'] },
    reason: unknown('transform for public.mood language plpgsql'),
    superuser: true,
  },
  pg_ts_config: {
    setup: LEXIZE,
    feature: { functions: ['lexize'] },
    reason: unknown('text search configuration public.language'),
    superuser: true,
  },
  pg_ts_dict: {
    setup: LEXIZE,
    feature: { functions: ['lexize'] },
    reason: unknown('text search dictionary public.word'),
    superuser: true,
  },
  pg_ts_parser: {
    setup: `create function start(internal, int4) returns internal language internal as 'prsd_start';
      create text search parser words (start = start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype)`,
    feature: { functions: ['start'] },
    reason: unknown('text search parser public.words'),
    superuser: true,
  },
  pg_ts_template: {
    setup: LEXIZE,
    feature: { functions: ['lexize'] },
    reason: unknown('text search template public.words'),
    superuser: true,
  },
}

describe('a kind that cannot be restored is refused', () => testRefusals(cases))
