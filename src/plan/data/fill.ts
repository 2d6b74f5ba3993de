import { id, qualified, type QualifiedName } from '../../sql.ts'
import { backedUp, columnNames, image, list, onKey, within, type Stretch } from './backup.ts'
import type { HostPlan } from '../plan.ts'
import { FILLING } from '../objects/swap.ts'
import { rowsOf } from '../tree.ts'

/*
 * The SQL that gives a host table's hidden columns their values: `h` is the host table, `b` the backup.
 */

const filledFrom = (host: HostPlan) => host.columns.map((c) => `${id(c.hidden)} = b.${id(c.name)}`).join(', ')

/** Writes the backup's values into the hidden columns; by hand in one statement, by the runner in batches. */
export function fillStatement(host: HostPlan): string {
  return `update ${rowsOf(host)} h
set ${filledFrom(host)}
from ${backedUp(host)} b
where ${onKey(host, 'b', 'h')} and ${unfilled(host)}`
}

const hiddenImage = (host: HostPlan, alias: string) =>
  `row(${list(
    host.columns.map((c) => c.hidden),
    `${alias}.`,
  )})`
const unfilled = (host: HostPlan) => `pg_catalog.record_image_ne(${hiddenImage(host, 'h')}, ${image(host, 'b')})`

/** A session that is not set up for filling, as some poolers would give, fills nothing: triggers would fire. */
const AS_FILLER = `pg_catalog.current_setting('${FILLING}', true) = 'on'`

/** What each of the statements for a batch returns. */
export interface Filled {
  /** Rows. */
  readonly filled: number
  /** From when it began to look for them until it had filled them, by the server's clock: nobody waits for more of it. */
  readonly ms: number
}

/** An update with a condition, that tells for each row when it had been planned and had not looked for any yet. */
const timed = (update: string) => `with started as materialized (select pg_catalog.clock_timestamp() as at)
${update} and (select started.at from started) is not null
returning (select started.at from started) as since`

const asFilled = `pg_catalog.count(*)::int as filled, (extract(epoch from pg_catalog.clock_timestamp()
  - coalesce(pg_catalog.min(filled.since), pg_catalog.statement_timestamp())) * 1000)::float8 as ms from filled`

/**
 * One batch of it: a stretch of the backup. Returns `Filled`; waits for rows that somebody has locked.
 */
export const fillBatchStatement = (host: HostPlan, batch: Stretch): string =>
  `with filled as (\n${timed(`${fillStatement(host)}\n  and ${within('b', batch)} and ${AS_FILLER}`)}\n)
select ${asFilled}`

/**
 * The same, but rows that somebody has locked, or changes at that moment, are left for the next pass. Returns `Filled`,
 * and how many rows it had to fill. Locking them beforehand takes a third longer.
 */
export function fillUnlockedStatement(host: HostPlan, batch: Stretch): string {
  // quicker than by key; of partitions it would not be unique. No column of the table's own has that name.
  const address = host.members
    ? { columns: list(host.key, 'h.'), same: (alias: string) => onKey(host, 'h', alias) }
    : { columns: 'h.ctid', same: (alias: string) => `h.ctid = ${alias}.ctid` }
  return `with pending as materialized (
  select ${address.columns}, ${list(columnNames(host), 'b.')}
  from ${backedUp(host)} b join ${rowsOf(host)} h on ${onKey(host, 'b', 'h')}
  where ${within('b', batch)} and ${unfilled(host)} and ${AS_FILLER}
), target as (
  select pending.*
  from pending join ${rowsOf(host)} h on ${address.same('pending')}
  for no key update of h skip locked
), filled as (
${timed(`update ${rowsOf(host)} h
  set ${filledFrom(host)}
  from target b where ${address.same('b')}`)}
)
select (select pg_catalog.count(*) from pending)::int as pending, ${asFilled}`
}

/**
 * Of the rows in a stretch of the backup: how many there are, how many are in the table, and how many of those are not filled as the
 * backup says.
 */
export function verifyFillStatement(host: HostPlan, stretch: Stretch): string {
  const [first = ''] = host.key
  const there = `h.${id(first)} is not null`
  return `select pg_catalog.count(*)::int as kept, (pg_catalog.count(*) filter (where ${there}))::int as found,
  (pg_catalog.count(*) filter (where ${there} and ${unfilled(host)}))::int as wrong
from ${backedUp(host)} b left join ${rowsOf(host)} h on ${onKey(host, 'b', 'h')}
where ${within('b', stretch)}`
}

/*
 * New rows bear the table's own name, which a declared expression may speak of; all else has names that no column of the
 * row is likely to have.
 */
const rowOf = ({ table }: HostPlan) => id(table.name)

/** Rows that a varying default, or the declaration, has values for and that have none: they came in meanwhile. */
function missing(host: HostPlan, alias: string): string | null {
  const fillers = host.columns.filter((c) => c.filler !== null)
  if (fillers.length === 0) return null
  return `(${fillers.map((c) => `${alias}.${id(c.hidden)} is null`).join(' or ')})
  and not exists (select from ${backedUp(host)} unship_backup where ${onKey(host, 'unship_backup', alias)})`
}

const fillersSet = (host: HostPlan) =>
  host.columns
    .filter((c) => c.filler !== null)
    .map((c) => `${id(c.hidden)} = coalesce(${rowOf(host)}.${id(c.hidden)}, cast(${c.filler ?? 'null'} as ${c.type}))`)
    .join(', ')

/** Gives rows that were inserted meanwhile what a default that varies, or the declaration, has for them. */
export function fillNewRowsStatement(host: HostPlan): string | null {
  const condition = missing(host, rowOf(host))
  return condition === null
    ? null
    : `update ${rowsOf(host)} as ${rowOf(host)}\nset ${fillersSet(host)}\nwhere ${condition}`
}

/**
 * One batch of it: a stretch of the host or one of its partitions. Returns `Filled`; rows that somebody has locked are left
 * for the next pass.
 */
export const fillNewRowsBatchStatement = (host: HostPlan, of: QualifiedName, batch: Stretch): string =>
  `with filled as (
${timed(`update only ${qualified(of)} as ${rowOf(host)}
  set ${fillersSet(host)}
  where ${rowOf(host)}.ctid = any (array(
    select unship_row.ctid from only ${qualified(of)} unship_row
    where ${within('unship_row', batch)} and ${missing(host, 'unship_row') ?? 'false'} and ${AS_FILLER}
    for no key update of unship_row skip locked))`)}
)
select ${asFilled}`

/** How many of them there still are. */
export const countMissingStatement = (host: HostPlan): string =>
  `select pg_catalog.count(*)::text as rows from ${rowsOf(host)} unship_row where ${missing(host, 'unship_row') ?? 'false'}`
