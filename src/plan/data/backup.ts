import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { dollarQuote, id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { OTHER_SOURCE } from '../../sql-states.ts'
import type { CountPlan, HostPlan, PlannedColumn } from '../plan.ts'
import { rowsOf, treeQuery, whileThere } from '../tree.ts'

/*
 * The SQL of a host table's backup: copying, catching up, verifying. `watch.ts` has that of its log, `fill.ts` that of
 * its way back.
 * `h` is the host table, `b` the backup, `l` the watch's log.
 */

export const list = (names: readonly string[], alias = '') => names.map((name) => alias + id(name)).join(', ')
export const columnNames = (host: HostPlan) => host.columns.map((c) => c.name)
export const onKey = (host: HostPlan, a: string, b: string) =>
  host.key.map((k, n) => `${a}.${id(k)} ${host.equalities?.[n] ?? '='} ${b}.${id(k)}`).join(' and ')

/** How a statement reads the rows of a backup, or deletes some: as they were sealed, without those of tables that inherit from it. */
export const backedUp = ({ backup }: Pick<HostPlan, 'backup'>): string => `only ${qualified(backup)}`

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
 * Values come into the backup as they are stored: those that are compressed stay so in any case, and no others are, of which
 * the host could not tell any more that they were not. Run before there are rows.
 */
function storageStatement({ backup, columns }: HostPlan): string | null {
  const settings = columns.filter((c) => c.toasted).map((c) => `alter column ${id(c.name)} set storage external`)
  return settings.length === 0 ? null : `alter table ${qualified(backup)} ${settings.join(', ')}`
}

/** Whoever reads all tables, and of the host what policies let it see, sees nothing of what we keep of it: there are no policies. */
export const hideRows = ({ rowSecurity = false }: Pick<HostPlan, 'rowSecurity'>, table: QualifiedName): string[] =>
  rowSecurity ? [`alter table ${qualified(table)} enable row level security`] : []

/** What is done to a backup before there are rows in it. */
export function preparing(host: HostPlan): { readonly sql: string; readonly reason: string }[] {
  const storage = storageStatement(host)
  return [
    ...hideRows(host, host.backup).map((sql) => ({ sql, reason: 'seen by nobody whom policies hide rows from' })),
    ...(storage === null ? [] : [{ sql: storage, reason: 'values are kept as they are stored' }]),
  ]
}

/** What a statement sums up of the rows that it copies. */
export interface Summed {
  /** A row's hash, of the key and the removed columns of an alias. */
  readonly hash: (alias: string) => string
  /** Counts of rows that are all backed up. */
  readonly counts: readonly CountPlan[]
}

/** What it found. */
export interface Sums {
  /** All rows that it read; null where the server does not count (`track_counts`). */
  readonly total: number | null
  /** Those that were copied, and the sum of their hashes. */
  readonly rows: number
  readonly hashes: string
  /** In the order of the counts that were asked for. */
  readonly counts: readonly number[]
}

/**
 * The same for a stretch of the host or one of its partitions, into a backup that is there,
 * for as long as nobody takes the run back: a server process that comes late must not write into another run's backup.
 * Returns `Sums` of what was read of the host, as JSON.
 *
 * How many rows a scan has read is known to the server's statistics of the transaction; counting them in the statement
 * takes half as long as the copy. `started` is read before the scan, because that depends on it.
 */
export function copyStretchStatement(
  host: HostPlan,
  runId: string,
  { table, ...stretch }: Stretch & { table: QualifiedName },
  { hash, counts }: Summed,
): string {
  const all = [...host.key, ...columnNames(host)]
  const read = `pg_catalog.pg_stat_get_xact_tuples_returned(${literal(qualified(table))}::pg_catalog.regclass)`
  const counted = counts.map(({ rows }) => `pg_catalog.count(*) filter (where ${rows?.where ?? 'true'})`)
  return `with going_on as (
  select from ${LEDGER_SCHEMA}.runs where id = ${runId} for share
), started as materialized (
  select ${read} as rows
), source as materialized (
  select ${list(all, 'h.')} from only ${qualified(table)} h
  where ${holds(host, 'h')} and ${within('h', stretch)}
    and exists (select from going_on) and (select rows from started) >= 0
), saved as (
  insert into ${qualified(host.backup)} (${list(all)}, backed_up_at)
  select ${list(all, 'h.')}, pg_catalog.statement_timestamp() from source h
)
select pg_catalog.json_build_object(
  'total', case when pg_catalog.current_setting('track_counts')::boolean then ${read} - (select rows from started) end,
  'rows', pg_catalog.count(*), 'hashes', coalesce(pg_catalog.sum(${hash('h')}), 0)::text,
  'counts', array[${counted.join(', ')}]::bigint[])::text as json
from source h`
}

/** Rows of a table by where they lie: in its blocks `from` up to, not with, `to`. */
export interface Stretch {
  readonly from: number
  readonly to: number
  readonly turn?: Share
  /** Of these again. */
  readonly part?: Share
}

/** Only each `of`th row of a block, from the `nth` on. */
export interface Share {
  readonly nth: number
  readonly of: number
}

export const WHOLE: Share = { nth: 0, of: 1 }

/** So many rows of a block can be told apart, at least: of more, two and two are taken for one. */
export const TOLD_APART = 256

/** Whether a row lies in a stretch. */
export function within(alias: string, { from, to, turn = WHOLE, part = WHOLE }: Stretch): string {
  const blocks = `${alias}.ctid >= '(${String(from)},0)'::pg_catalog.tid and ${alias}.ctid < '(${String(to)},0)'::pg_catalog.tid`
  const of = turn.of * part.of
  if (of === 1) return blocks
  // a row's number in its block is the last two of the six bytes
  const nth = turn.nth + turn.of * part.nth
  return `${blocks} and pg_catalog.get_byte(pg_catalog.tidsend(${alias}.ctid), 5) % ${String(of)} = ${String(nth)}`
}

/** How many blocks a table has. */
export const blocksOf = (table: QualifiedName): string =>
  `(pg_catalog.pg_relation_size(${literal(qualified(table))}::pg_catalog.regclass) / pg_catalog.current_setting('block_size')::int)::int`

/** By how much a statement changed a backup: rows, and the sum of their hashes. */
export interface Change {
  readonly rows: number
  readonly hashes: string
}

const change = (more: string, less: string, hash: Summed['hash']): string => {
  const of = (rows: string) => ({
    count: rows && `(select pg_catalog.count(*) from ${rows})`,
    sum: rows && `coalesce((select pg_catalog.sum(${hash(rows)}) from ${rows}), 0)`,
  })
  const [a, b] = [of(more), of(less)]
  return `(${a.count || '0'} - ${b.count})::int as rows, (${a.sum || '0'} - ${b.sum})::text as hashes`
}

/**
 * Brings the backup up to the present rows of the logged keys; returns how many keys were logged and, where hashes are asked
 * for, a `Change`.
 *
 * The log is never analyzed, and a planner that takes it for large would scan the
 * whole host table, under lock in the cut-over: LATERAL with OFFSET 0, and row addresses as an
 * array, leave it no choice but to look up key by key.
 */
export function catchUpStatement(host: HostPlan, hash?: Summed['hash']): string {
  const backup = qualified(host.backup)
  // an equal key may have another image by now, as 7 and 7.0
  const all = [...host.key, ...columnNames(host)]
  return `with logged as (
  delete from ${qualified(host.watch.log)} where not unship_truncated returning *
), keys as (
  select distinct ${list(host.key)} from logged
), present as (
  select found.* from keys cross join lateral (
    select ${list(all, 'h.')} from ${rowsOf(host)} h
    where ${onKey(host, 'h', 'keys')} and ${holds(host, 'h')} offset 0) found
), before as (
  select found.* from keys cross join lateral (
    select b.ctid, ${list(all, 'b.')} from ${backedUp(host)} b where ${onKey(host, 'b', 'keys')} offset 0) found
), gone as (
  delete from ${backedUp(host)} where ctid = any (array(
    select before.ctid from before where not exists (select from present where ${onKey(host, 'present', 'before')})))
), saved as (
  insert into ${backup} (${list(all)}, backed_up_at)
  select ${list(all)}, pg_catalog.statement_timestamp() from present
  on conflict (${list(host.key)}) do update
  set ${all.map((c) => `${id(c)} = excluded.${id(c)}`).join(', ')}, backed_up_at = excluded.backed_up_at
)
select (select pg_catalog.count(*) from logged)::int as logged${hash ? `, ${change('present', 'before', hash)}` : ''}`
}

/** How much a catch-up would copy of what may be large; null where no value is. Large values are not read for it. */
export function loggedBytes(host: HostPlan, limit: number): string | null {
  const large = host.columns.filter((c) => c.toasted)
  if (large.length === 0) return null
  const bytes = large.map((c) => `coalesce(pg_catalog.pg_column_size(h.${id(c.name)}), 0)::bigint`)
  return `coalesce((
    select pg_catalog.sum(found.bytes)
    from (select distinct ${list(host.key)} from ${qualified(host.watch.log)} where not unship_truncated limit ${String(limit)}) keys
    cross join lateral (select ${bytes.join(' + ')} as bytes from ${rowsOf(host)} h where ${onKey(host, 'h', 'keys')} offset 0) found), 0)`
}

/**
 * After a TRUNCATE of the host table: drops from the backup what is no longer there. Returns a `Change`: none otherwise. A row that
 * came since under a key of before, and holds nothing, was not logged: the values are not its own.
 */
export function catchUpTruncatedStatement(host: HostPlan, hash: Summed['hash']): string {
  return `with truncated as (
  delete from ${qualified(host.watch.log)} where unship_truncated returning 1
), gone as (
  delete from ${backedUp(host)} b
  where exists (select from truncated)
    and not exists (select from ${rowsOf(host)} h where ${onKey(host, 'h', 'b')} and ${holds(host, 'h')})
  returning ${list([...host.key, ...columnNames(host)], 'b.')}
)
select ${change('', 'gone', hash)}`
}

/** The same under lock: planning it takes a millisecond, which is spared where nothing was logged. */
export const catchUpIfLogged = (host: HostPlan): string[] =>
  whileThere(`select from ${qualified(host.watch.log)}`, [catchUpStatement(host)])

/** The source of a backup, as the catalog's rows tell when they were last written. */
export interface Source {
  readonly columns: string
  readonly triggers: string
  /** And what these need to log. */
  readonly log: string
}

/**
 * What changes when somebody alters a column that is copied, or the triggers that watch it. (ALTER COLUMN … TYPE, which could
 * change values unseen, PostgreSQL refuses for columns that a trigger's WHEN names.)
 */
export const sourceStatement = (host: HostPlan): string =>
  `select ${columnsOf(host)} as columns, ${triggersOf(host)} as triggers, ${logOf(host)} as log`

const tablesOf = ({ table, members }: HostPlan) =>
  members ? `in (select t.relid from (${treeQuery(table)}) t)` : `= ${literal(qualified(table))}::pg_catalog.regclass`

const columnsOf = (host: HostPlan) => `(
  select coalesce(pg_catalog.string_agg(a.xmin::text, ' ' order by a.attrelid, a.attnum), '') from pg_catalog.pg_attribute a
  where a.attrelid ${tablesOf(host)} and a.attname in (${[...host.key, ...columnNames(host)].map(literal).join(', ')}))`

const triggersOf = (host: HostPlan) => `(
  select coalesce(pg_catalog.string_agg(t.xmin::text, ' ' order by t.oid), '') from pg_catalog.pg_trigger t
  where t.tgrelid ${tablesOf(host)} and t.tgfoid = pg_catalog.to_regprocedure(${literal(`${qualified(host.watch.routine)}()`)}))`

/**
 * The watch passes over what it cannot log. A right that it lacks for a while is taken from the schema, the log or, where the schema is another
 * role's, the memberships; who gives it back writes their rows once more. Found by name: to_regclass fails without USAGE on the schema.
 */
const logOf = ({ watch: { log, routine } }: HostPlan) => `(
  with recursive acting(role) as (
    select r.oid from pg_catalog.pg_roles r where r.rolname = current_user
    union
    select m.roleid from acting join pg_catalog.pg_auth_members m on m.member = acting.role
  )
  select coalesce(pg_catalog.string_agg(pg_catalog.concat_ws(' ', n.xmin, c.oid, c.xmin, p.xmin,
      case when pg_catalog.pg_get_userbyid(n.nspowner) <> current_user then (
        select pg_catalog.string_agg(m.xmin::text, ' ' order by m.roleid, m.xmin::text)
        from acting join pg_catalog.pg_auth_members m on m.member = acting.role) end), ''), '')
  from pg_catalog.pg_namespace n join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = ${literal(log.name)}
  left join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = ${literal(routine.name)} and p.pronargs = 0
  where n.nspname = ${literal(log.schema)})`

/** Fails where a source is not what it was when its copy began. */
export const demandSameSources = (sources: ReadonlyMap<HostPlan, Source>): string[] =>
  demandSame(sources, ({ columns, triggers, log }, host) => [
    [columnsOf(host), columns],
    [triggersOf(host), triggers],
    [logOf(host), log],
  ])

/** The same of what no lock on the tables keeps as it is, when nobody writes to them any more. */
export const demandSameLogs = (sources: ReadonlyMap<HostPlan, Source>): string[] =>
  demandSame(sources, ({ log }, host) => [[logOf(host), log]])

function demandSame(
  sources: ReadonlyMap<HostPlan, Source>,
  compared: (source: Source, host: HostPlan) => readonly (readonly [now: string, before: string])[],
): string[] {
  if (sources.size === 0) return []
  const tests = [...sources].map(
    ([host, source]) =>
      `when ${compared(source, host)
        .map(([now, before]) => `${now} <> ${literal(before)}`)
        .join(' or ')} then ${literal(id(host.table.schema, host.table.name))}`,
  )
  const body = `
declare
  altered text := case ${tests.join('\n    ')} end;
begin
  if altered is not null then
    raise exception using message = pg_catalog.format('columns of %s, or the triggers that watch them, were altered', altered), errcode = '${OTHER_SOURCE}';
  end if;
end`
  return [`do ${dollarQuote(body, 'source')}`]
}

/** How many rows a backup keeps, and how many of them have no row in the table any more. */
export const countKeptStatement = (host: HostPlan): string =>
  `select (select pg_catalog.count(*) from ${backedUp(host)})::text as kept, pg_catalog.count(*)::text as gone
from ${backedUp(host)} b
where not exists (select from ${rowsOf(host)} h where ${onKey(host, 'h', 'b')})`

/** How many rows under backed-up keys were written after a transaction: by an age, since identifiers go round. */
export const writtenSinceStatement = (host: HostPlan, xid: string): string =>
  `select pg_catalog.count(*)::text as rows from ${backedUp(host)} b join ${rowsOf(host)} h on ${onKey(host, 'h', 'b')}
where pg_catalog.age(h.xmin) < pg_catalog.age(${literal(xid)}::pg_catalog.xid)`

const SAMPLE_BLOCKS = 100

/** The same of a sample: of as many rows as are in a hundred blocks, from anywhere in the backup. */
export const sampleKeptStatement = (host: HostPlan): string =>
  `with b as materialized (
  select * from ${backedUp(host)} tablesample bernoulli (least(100, 100.0 * ${String(SAMPLE_BLOCKS)} / greatest(1, ${blocksOf(host.backup)})))
)
select (select pg_catalog.count(*) from b)::text as kept, pg_catalog.count(*)::text as gone
from b where not exists (select from ${rowsOf(host)} h where ${onKey(host, 'h', 'b')})`
