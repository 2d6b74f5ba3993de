import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { id, literal, qualified, type QualifiedName } from '../sql.ts'
import type { HostPlan, PlannedColumn } from './plan.ts'
import { rowsOf } from './tree.ts'

/*
 * The SQL of a host table's backup: copying, catching up, verifying. `watch.ts` has that of its log, `fill.ts` that of
 * its way back.
 * `h` is the host table, `b` the backup, `l` the watch's log.
 */

export const list = (names: readonly string[], alias = '') => names.map((name) => alias + id(name)).join(', ')
export const columnNames = (host: HostPlan) => host.columns.map((c) => c.name)
export const onKey = (host: HostPlan, a: string, b: string) =>
  host.key.map((k) => `${a}.${id(k)} = ${b}.${id(k)}`).join(' and ')

/** The removed columns of a row, as a value to compare by image. */
export const image = (host: HostPlan, alias: string) => `row(${list(columnNames(host), `${alias}.`)})`

/**
 * Whether a row has something that a fresh ADD COLUMN would not give it. Asked of each row of the
 * host table, column by column: comparing whole images takes three times as long.
 */
export const holds = (host: HostPlan, alias: string): string =>
  host.everyRow ? 'true' : `(${host.columns.map((c) => columnHolds(c, `${alias}.${id(c.name)}`)).join(' or ')})`

/** Types of which equal values are the same bytes. */
const PLAIN_TYPES = ['boolean', 'smallint', 'integer', 'bigint', 'uuid', 'date']

function columnHolds({ blank, type }: PlannedColumn, value: string): string {
  // of a row type too, this asks whether there is a value, and not about its fields
  if (blank === `cast(null as ${type})`) return `${value} is distinct from null`
  if (PLAIN_TYPES.includes(type)) return `${value} is distinct from ${blank}`
  return `pg_catalog.record_image_ne(row(${value}), row(${blank}))`
}

const held = (host: HostPlan, rows = rowsOf(host)) =>
  `select ${list([...host.key, ...columnNames(host)], 'h.')}, pg_catalog.statement_timestamp() as backed_up_at
from ${rows} h
where ${holds(host, 'h')}`

/** One pass over the host table, in one snapshot. */
export const copyStatement = (host: HostPlan): string => `create table ${qualified(host.backup)} as\n${held(host)}`

/**
 * The same for a stretch of the host or one of its partitions, into a backup that is there,
 * for as long as nobody takes the run back: a server process that comes late must not write into another run's backup.
 */
export const copySliceStatement = (
  host: HostPlan,
  runId: string,
  { table, ...stretch }: Stretch & { table: QualifiedName },
): string => `with going_on as (
  select from ${LEDGER_SCHEMA}.runs where id = ${runId} for share
), saved as (
  insert into ${qualified(host.backup)}
${held(host, `only ${qualified(table)}`)} and ${within('h', stretch)}
  and exists (select from going_on)
  returning 1
)
select pg_catalog.count(*)::int as rows from saved`

/** Rows of a table by where they lie: in its blocks `from` up to, not with, `to`. */
export interface Stretch {
  readonly from: number
  readonly to: number
  /** Only each `of`th row of a block, from the `nth` on. */
  readonly turn?: { readonly nth: number; readonly of: number }
}

/** Whether a row lies in a stretch. */
export const within = (alias: string, { from, to, turn }: Stretch): string =>
  [
    `${alias}.ctid >= '(${String(from)},0)'::pg_catalog.tid and ${alias}.ctid < '(${String(to)},0)'::pg_catalog.tid`,
    // a row's number in its block is the last two of the six bytes
    ...(turn
      ? [`pg_catalog.get_byte(pg_catalog.tidsend(${alias}.ctid), 5) % ${String(turn.of)} = ${String(turn.nth)}`]
      : []),
  ].join(' and ')

/** How many blocks a table has. */
export const blocksOf = (table: QualifiedName): string =>
  `(pg_catalog.pg_relation_size(${literal(qualified(table))}::pg_catalog.regclass) / pg_catalog.current_setting('block_size')::int)::int`

/**
 * Brings the backup up to the present rows of the logged keys; returns how many keys were logged.
 *
 * The log is never analyzed, and a planner that takes it for large would scan the
 * whole host table, under lock in the cut-over: LATERAL with OFFSET 0, and row addresses as an
 * array, leave it no choice but to look up key by key.
 */
export function catchUpStatement(host: HostPlan): string {
  const backup = qualified(host.backup)
  const columns = columnNames(host)
  const all = [...host.key, ...columns]
  return `with logged as (
  delete from ${qualified(host.watch.log)} where not unship_truncated returning *
), keys as (
  select distinct ${list(host.key)} from logged
), present as (
  select found.* from keys cross join lateral (
    select ${list(all, 'h.')} from ${rowsOf(host)} h
    where ${onKey(host, 'h', 'keys')} and ${holds(host, 'h')} offset 0) found
), gone as (
  delete from ${backup} where ctid = any (array(
    select found.ctid from keys cross join lateral (
      select b.ctid from ${backup} b where ${onKey(host, 'b', 'keys')} offset 0) found
    where not exists (select from present where ${onKey(host, 'present', 'keys')})))
), saved as (
  insert into ${backup} (${list(all)}, backed_up_at)
  select ${list(all)}, pg_catalog.statement_timestamp() from present
  on conflict (${list(host.key)}) do update
  set ${columns.map((c) => `${id(c)} = excluded.${id(c)}`).join(', ')}, backed_up_at = excluded.backed_up_at
)
select pg_catalog.count(*)::int as logged from logged`
}

/** After a TRUNCATE of the host table: drops from the backup what is no longer there. Does nothing otherwise. */
export function catchUpTruncatedStatement(host: HostPlan): string {
  return `with truncated as (
  delete from ${qualified(host.watch.log)} where unship_truncated returning 1
)
delete from ${qualified(host.backup)} b
where exists (select from truncated)
  and not exists (select from ${rowsOf(host)} h where ${onKey(host, 'h', 'b')})`
}

/**
 * Counts rows whose backup is missing, unequal or too many. Rows that the
 * watch has logged meanwhile are left to the next catch-up.
 */
export function verifyBackupStatement(host: HostPlan, watched: boolean): string {
  const backup = qualified(host.backup)
  const log = qualified(host.watch.log)
  const unlogged = (alias: string) =>
    watched ? `\n    and not exists (select from ${log} l where ${onKey(host, 'l', alias)})` : ''
  const untruncated = watched ? `\n    and not exists (select from ${log} l where l.unship_truncated)` : ''
  const kept = `b.${id(host.key[0] ?? '')}`
  // keys are unique on both sides: as many backup rows have their row in the table as are found from there
  return `select pairs.unequal + greatest(0, backups.rows - pairs.found) as wrong
from (
  select pg_catalog.count(${kept}) as found, pg_catalog.count(*) filter (
    where ${kept} is null or pg_catalog.record_image_ne(${image(host, 'b')}, ${image(host, 'h')})) as unequal
  from ${rowsOf(host)} h left join ${backup} b on ${onKey(host, 'b', 'h')}
  where ${holds(host, 'h')}${unlogged('h')}
) pairs, (
  select pg_catalog.count(*) as rows from ${backup} b where true${unlogged('b')}${untruncated}
) backups`
}

/** How many rows a backup keeps, and how many of them have no row in the table any more. */
export const countKeptStatement = (host: HostPlan): string =>
  `select (select pg_catalog.count(*) from ${qualified(host.backup)})::text as kept, pg_catalog.count(*)::text as gone
from ${qualified(host.backup)} b
where not exists (select from ${rowsOf(host)} h where ${onKey(host, 'h', 'b')})`

const SAMPLE_BLOCKS = 100

/** The same of a sample: of as many rows as are in a hundred blocks, from anywhere in the backup. */
export const sampleKeptStatement = (host: HostPlan): string =>
  `with b as materialized (
  select * from ${qualified(host.backup)} tablesample bernoulli (least(100, 100.0 * ${String(SAMPLE_BLOCKS)} / greatest(1, ${blocksOf(host.backup)})))
)
select (select pg_catalog.count(*) from b)::text as kept, pg_catalog.count(*)::text as gone
from b where not exists (select from ${rowsOf(host)} h where ${onKey(host, 'h', 'b')})`
