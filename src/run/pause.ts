import { setTimeout as sleep } from 'node:timers/promises'
import { UnshipError } from '../errors.ts'
import type { RecordedPlan } from '../ledger/recorded.ts'
import type { RunContext } from './context.ts'
import { row } from './query.ts'

const ASK_AGAIN_MS = 100
/** Replication lag is asked for at most so often. */
const LAG_EVERY_MS = 200

const lastAsked = new WeakMap<RunContext, number>()

/**
 * Waits, between two batches and holding nothing, while a standby lags behind by more than
 * `maxReplicationLag`, or `pauseWhile` says so.
 */
export async function pauseWhileAsked(context: RunContext): Promise<void> {
  for (let told = false; ;) {
    const reason = await reasonToPause(context)
    if (reason === null) return
    if (!told) context.emit({ type: 'paused', reason })
    told = true
    context.checkCancelled()
    await sleep(ASK_AGAIN_MS)
    lastAsked.delete(context)
  }
}

async function reasonToPause(context: RunContext): Promise<string | null> {
  const { pauseWhile, maxReplicationLag } = context.options
  if (pauseWhile && (await pauseWhile())) return 'pauseWhile says so'
  if (!maxReplicationLag || context.session.inTransaction) return null
  const now = performance.now()
  if (now - (lastAsked.get(context) ?? -Infinity) < LAG_EVERY_MS) return null
  lastAsked.set(context, now)
  return await lagging(context, maxReplicationLag)
}

/** Refuses where filling would find out that the role may not read the lag: columns would stand there by then. */
export async function refuseUnreadableLag(
  { db, options, session }: RunContext,
  { hosts }: Pick<RecordedPlan, 'hosts'>,
): Promise<void> {
  if (!options.maxReplicationLag || session.inTransaction || hosts.length === 0) return
  const { allowed } = await row<{ allowed: boolean }>(db, `select ${MAY_READ_LAG} as allowed`)
  if (!allowed) throw lagUnreadable()
}

const MAY_READ_LAG = `pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')`

const lagUnreadable = () =>
  new UnshipError({
    code: 'missing_privilege',
    message: 'the replication lag cannot be read',
    detail: 'pg_stat_replication tells the lag of standbys to members of pg_read_all_stats only.',
    hint: 'Grant pg_read_all_stats (or pg_monitor) to the migrating role, or leave maxReplicationLag out.',
  })

async function lagging(
  { db }: RunContext,
  { bytes = Infinity, ms = Infinity }: { readonly bytes?: number; readonly ms?: number },
): Promise<string | null> {
  const { allowed, name, lag_bytes, lag_ms } = await row<{
    allowed: boolean
    name: string | null
    lag_bytes: string | null
    lag_ms: string | null
  }>(
    db,
    `select ${MAY_READ_LAG} as allowed, s.*
     from (select 1) one left join (
       select application_name as name,
         pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn)::text as lag_bytes,
         (extract(epoch from replay_lag) * 1000)::text as lag_ms
       from pg_catalog.pg_stat_replication where state in ('streaming', 'catchup')
       order by replay_lsn nulls first limit 1
     ) s on true`,
  )
  if (!allowed) throw lagUnreadable()
  if (name === null) return null
  // a standby that has never said how far it is counts as behind
  const behindBytes = lag_bytes === null ? Infinity : Number(lag_bytes)
  const behindMs = Number(lag_ms ?? 0)
  if (behindBytes <= bytes && behindMs <= ms) return null
  return `standby ${name} is ${lag_bytes ?? 'unknown'} bytes and ${behindMs.toFixed(0)} ms behind`
}
