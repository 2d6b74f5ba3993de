import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import type { PlannedLock } from '../plan/plan.ts'
import { literal, qualified } from '../sql.ts'
import type { Blocker } from './report.ts'
import { withoutValues } from './without-values.ts'

/** Rows of its unfinished run that somebody has locked or written. */
const heldInLedger = (feature: string) => {
  const unfinished = `select from ${LEDGER_SCHEMA}.runs r where r.feature = ${literal(feature)} and r.state = 'running'`
  return `
    union select r.xmax, '${LEDGER_SCHEMA}.runs' from ${LEDGER_SCHEMA}.runs r where r.feature = ${literal(feature)} and r.state = 'running'
    union select s.xmax, '${LEDGER_SCHEMA}.statements' from ${LEDGER_SCHEMA}.statements s
      where exists (${unfinished} and s.run_id in (r.id, r.removal_id))`
}

/**
 * Sessions and prepared transactions that hold some of these locks, the oldest first.
 *
 * @param ledgerOf the feature whose rows of the ledger are written, too
 * @param ofRows only those that may have locked rows
 */
export async function readBlockers(
  db: AnyKysely,
  locks: readonly Pick<PlannedLock, 'relation' | 'part'>[],
  { ledgerOf, ofRows = false }: { readonly ledgerOf?: string; readonly ofRows?: boolean } = {},
): Promise<Blocker[]> {
  if (locks.length === 0 && ledgerOf === undefined) return []
  const relations = locks.filter(({ part }) => !part?.object).map(({ relation }) => literal(qualified(relation)))
  const list = `array[${relations.map((name) => `pg_catalog.to_regclass(${name})`).join(', ')}]::pg_catalog.regclass[]`
  const objects = locks.flatMap(({ part }) => part?.object ?? [])
  const pairs = `array[${objects.map((o) => literal(`${o.catalog}:${o.objid}`)).join(', ')}]::text[]`
  // whoever has written a catalog row of theirs without a lock, as GRANT does, holds its transaction's
  const written = `select c.xmax as xid, c.oid::pg_catalog.regclass::text as name from pg_catalog.pg_class c where c.oid = any (${list})
    union select a.xmax, a.attrelid::pg_catalog.regclass::text from pg_catalog.pg_attribute a where a.attrelid = any (${list})
    union select p.xmax, pg_catalog.pg_describe_object(p.tableoid, p.oid, 0) from pg_catalog.pg_proc p where 'pg_proc:' || p.oid = any (${pairs})
    union select s.xmax, pg_catalog.pg_describe_object(s.tableoid, s.oid, 0) from pg_catalog.pg_statistic_ext s
      where 'pg_statistic_ext:' || s.oid = any (${pairs})${ledgerOf === undefined ? '' : heldInLedger(ledgerOf)}`
  const found = await readJson<Blocker>(
    db,
    `with recursive written as materialized (${written}),
    -- pg_partition_tree would lock the partitions, and wait
    tree(relid) as (
      select r.relid::pg_catalog.oid from pg_catalog.unnest(${list}) r(relid)
      union select i.inhrelid from tree t join pg_catalog.pg_inherits i on i.inhparent = t.relid
        join pg_catalog.pg_class c on c.oid = i.inhrelid and c.relispartition
    ),
    held as (
      select l.*, case l.locktype when 'relation' then l.relation::pg_catalog.regclass::text
        else pg_catalog.pg_describe_object(l.classid, l.objid, 0) end as name
      from pg_catalog.pg_locks l
      where l.granted and case l.locktype
          when 'relation' then l.relation in (select t.relid from tree t)${ofRows ? ` and l.mode not in ('AccessShareLock', 'ShareUpdateExclusiveLock')` : ''}
          when 'object' then (select c.relname::text from pg_catalog.pg_class c where c.oid = l.classid) || ':' || l.objid = any (${pairs})
        end
        and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
      union all select l.*, w.name from pg_catalog.pg_locks l join written w on w.xid = l.transactionid
      where l.granted and l.locktype = 'transactionid'
    )
    select coalesce(a.pid, 0) as pid, coalesce(a.usename::text, x.owner::text) as user, a.application_name as application,
      case when a.pid is null then 'prepared transaction' else a.state end as state,
      (extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.xact_start, x.prepared)) * 1000)::pg_catalog.int8 as "ageMs",
      nullif(a.query, '<insufficient privilege>') as query, pg_catalog.min(l.name) as relation, x.gid as prepared
    from held l
    left join pg_catalog.pg_stat_activity a on a.pid = l.pid
    left join pg_catalog.pg_locks t on l.pid is null and t.pid is null and t.locktype = 'transactionid'
      and t.virtualtransaction = l.virtualtransaction
    left join pg_catalog.pg_prepared_xacts x on x.transaction = t.transactionid
    where l.pid is distinct from pg_catalog.pg_backend_pid()
    group by a.pid, a.usename, x.owner, a.application_name, a.state, a.xact_start, x.prepared, a.query, x.gid
    order by coalesce(a.xact_start, x.prepared)`,
  )
  return found.map(withoutItsValues)
}

/**
 * Sessions and prepared transactions that a server process waits for, whatever for: as an index build does, for all transactions that
 * began before it; and whether one of them waits for it in turn, which the server finds only after `deadlock_timeout`.
 */
export async function readWaitedFor(
  db: AnyKysely,
  pid: number,
): Promise<{ readonly blockers: readonly Blocker[]; readonly deadlocked: boolean }> {
  const found = await readJson<Blocker & { deadlocked: boolean }>(
    db,
    `select b.pid, ${String(pid)} = any (pg_catalog.pg_blocking_pids(b.pid)) as deadlocked, coalesce(a.usename::text, x.owner::text) as user,
       a.application_name as application, case b.pid when 0 then 'prepared transaction' else a.state end as state,
       (extract(epoch from pg_catalog.clock_timestamp() - coalesce(a.xact_start, x.prepared)) * 1000)::pg_catalog.int8 as "ageMs",
       nullif(a.query, '<insufficient privilege>') as query, x.relation, x.gid as prepared
     from (select distinct p.pid from pg_catalog.unnest(pg_catalog.pg_blocking_pids(${String(pid)})) p(pid)) b
     left join pg_catalog.pg_stat_activity a on a.pid = b.pid
     left join (${preparedInTheWay(pid)}) x on b.pid = 0
     order by coalesce(a.xact_start, x.prepared)`,
  )
  return {
    blockers: found.map(({ deadlocked: _, ...blocker }) => withoutItsValues(blocker)),
    deadlocked: found.some(({ deadlocked }) => deadlocked),
  }
}

/** Prepared transactions that hold what a server process waits for: of a pid they have none, and are told by their names. */
const preparedInTheWay = (pid: number) => `
  select x.gid, x.owner, x.prepared, case w.locktype when 'relation' then w.relation::pg_catalog.regclass::text end as relation
  from pg_catalog.pg_locks w
  join pg_catalog.pg_locks l on l.granted and l.pid is null and l.locktype = w.locktype and l.database is not distinct from w.database
    and l.relation is not distinct from w.relation and l.transactionid is not distinct from w.transactionid
    and l.page is not distinct from w.page and l.tuple is not distinct from w.tuple and l.virtualxid is not distinct from w.virtualxid
    and l.classid is not distinct from w.classid and l.objid is not distinct from w.objid and l.objsubid is not distinct from w.objsubid
  join pg_catalog.pg_locks t on t.pid is null and t.locktype = 'transactionid' and t.virtualtransaction = l.virtualtransaction
  join pg_catalog.pg_prepared_xacts x on x.transaction = t.transactionid
  where w.pid = ${String(pid)} and not w.granted`

export const withoutItsValues = (b: Blocker): Blocker => ({
  ...b,
  query: b.query === null ? null : shortQuery(b.query),
})

/** On one line, and without the values that it was sent with: it goes to logs and to the ledger. */
const shortQuery = (query: string) => withoutValues(query).replaceAll(/\s+/g, ' ').slice(0, 200)

/** One line for a person. */
export function describeBlocker(b: Blocker): string {
  const age = b.ageMs === null ? '' : `, for ${(b.ageMs / 1000).toFixed(1)} s`
  if (b.prepared !== null)
    return `prepared transaction ${b.prepared} of ${b.user ?? 'unknown'}${age} holds ${b.relation ?? 'a lock'}`
  const application = b.application ? ` (${b.application})` : ''
  if (b.state === null && b.query === null)
    return `pid ${String(b.pid)}, user ${b.user ?? 'unknown'}${application}, holds ${b.relation ?? 'a lock'} (its state and query are shown to members of pg_read_all_stats)`
  const query = b.query ? `: ${b.query}` : ''
  return `pid ${String(b.pid)}, user ${b.user ?? 'unknown'}${application}, ${b.state ?? 'state unknown'}${age}, holds ${b.relation ?? 'a lock'}${query}`
}
