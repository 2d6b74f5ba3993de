import { setTimeout as sleep } from 'node:timers/promises'
import { readJson } from '../../catalog/read.ts'
import { UnshipError } from '../../errors.ts'
import { literal } from '../../sql.ts'
import { describeBlocker, withoutItsValues } from '../blockers.ts'
import type { RunContext } from '../context.ts'
import { row } from '../query.ts'
import type { Blocker } from '../report.ts'
import { retryPause } from '../short.ts'

/** A session that has a snapshot: by its transaction, and by the oldest one that it was not over for. */
interface Holder extends Blocker {
  readonly transaction: string
  readonly xmin: string
}

/** Statements of the application end sooner; they are not told of, and no reason to refuse. */
const TOLD_FROM_ATTEMPT = 6

/**
 * Waits, holding nothing, until nobody has a snapshot any more that is older than what has been filled and built. A REPEATABLE READ
 * transaction may come to the tables after the reveal only: it would see the columns without their values, and no error. It is a concurrent
 * index build's rule: who has a snapshot at the first look is waited for, until it has none or another one, and who comes later is not, since
 * an old transaction that writes makes new snapshots look as old as itself.
 *
 * @throws {UnshipError} `locked` when the attempts run out.
 */
export async function awaitOldSnapshots(context: RunContext): Promise<void> {
  const { db, options } = context
  const attempts = Math.max(options.lockAttempts, TOLD_FROM_ATTEMPT)
  const { limit } = await row<{ limit: string }>(
    db,
    'select pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text as limit',
  )
  let known: ReadonlySet<string> | null = null
  for (let attempt = 1; ; attempt++) {
    context.checkCancelled()
    const holders = (await readHolders(context, limit)).filter((h) => known?.has(keyOf(h)) ?? true)
    if (holders.length === 0) return
    known = new Set(holders.map(keyOf))
    const blockers = holders.map(({ transaction: _, xmin: __, ...blocker }) => withoutItsValues(blocker))
    if (attempt >= attempts) throw keptOld(context, attempt, blockers)
    const retryInMs = retryPause(attempt)
    if (attempt >= TOLD_FROM_ATTEMPT)
      context.emit({ type: 'waiting', phase: 'verify', ...{ attempt: 1, attempts: 1, retryInMs }, blockers })
    await sleep(retryInMs)
  }
}

const keyOf = ({ pid, transaction, xmin }: Holder) => [pid, transaction, xmin].join(' ')

/**
 * Sessions of this database with a snapshot for which a transaction before the limit was not over. All of this is shown of any role's.
 * Vacuum reads no rows for anybody; who waits for an advisory lock, as a migrator does, may wait for us.
 */
const readHolders = ({ db }: RunContext, limit: string): Promise<Holder[]> =>
  readJson<Holder>(
    db,
    `select a.pid, l.virtualtransaction as transaction, a.backend_xmin::text as xmin,
       a.usename::text as user, a.application_name as application, a.state,
       (extract(epoch from pg_catalog.clock_timestamp() - a.xact_start) * 1000)::pg_catalog.int8 as "ageMs",
       nullif(a.query, '<insufficient privilege>') as query, 'a snapshot from before the restored values' as relation, null as prepared
     from pg_catalog.pg_stat_activity a
     join pg_catalog.pg_locks l on l.pid = a.pid and l.locktype = 'virtualxid' and l.granted
     where a.datname = pg_catalog.current_database() and a.usesysid is not null and a.pid <> pg_catalog.pg_backend_pid()
       and a.backend_xmin is not null and pg_catalog.age(a.backend_xmin) > pg_catalog.age(${literal(limit)}::pg_catalog.xid8::pg_catalog.xid)
       and not exists (select from pg_catalog.pg_stat_progress_vacuum v where v.pid = a.pid)
       and not exists (select from pg_catalog.pg_locks w where w.pid = a.pid and w.locktype = 'advisory' and not w.granted)
     order by a.xact_start`,
  )

const keptOld = ({ feature }: RunContext, attempts: number, blockers: readonly Blocker[]) =>
  new UnshipError({
    code: 'locked',
    message: `feature ${feature} cannot appear while sessions have snapshots from before its values were restored`,
    detail: [
      `It was looked for them ${String(attempts)} times. They would see its columns without values.`,
      ...blockers.map((b) => `${describeBlocker(b)}.`),
    ].join('\n'),
    hint: 'End those sessions or wait for them, then run the same command again; it goes on where it was.',
  })
