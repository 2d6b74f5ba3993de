import { setTimeout as sleep } from 'node:timers/promises'
import type { Phase, PlannedLock } from '../plan/plan.ts'
import { branchQuery, treeQuery } from '../plan/tree.ts'
import { dollarQuote, id, literal, qualified } from '../sql.ts'
import {
  NOT_SERVED,
  NOT_YET,
  OTHER_MEANING,
  OTHER_PARTITIONS,
  OTHER_PUBLICATIONS,
  OTHER_SESSION,
} from '../sql-states.ts'
import { readBlockers } from './blockers.ts'
import type { RunContext } from './context.ts'
import { DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE, QUERY_CANCELED, row, run, sqlState } from './query.ts'
import { demandSession, sessionChanged } from './session.ts'
import {
  locked,
  meansOther,
  notServed,
  notYet,
  otherPartitions,
  publishedOtherwise,
  tooManyLocks,
} from './short-errors.ts'

/** A transaction that holds locks which others wait for: all locks first, then all changes. */
export interface ShortTransaction {
  readonly phase: Phase
  /** What is done before these locks are asked for, under locks that nobody waits for, if any. */
  readonly ahead?: { readonly locks: readonly PlannedLock[]; readonly statements: readonly string[] }
  readonly locks: readonly PlannedLock[]
  readonly statements: readonly string[]
  /** What the statements wait for besides, to tell who holds it. */
  readonly concerned?: readonly PlannedLock[]
  /**
   * The run goes on after it: its commit need not wait for the disk, nor for a standby, while it holds the locks. What is
   * committed later is not on the disk before this is, and a run that has ended is; a crash in between undoes both.
   * (PostgreSQL waits all the same where files are deleted, as those of an index are at the cut-over.)
   */
  readonly flushedLater?: boolean
  /** How long the changes may take once the locks are held, before the attempt is given up; null: as long as they take. */
  readonly workLimitMs?: number | null
}

/** How long a short transaction held its locks, and which attempt got them. */
export interface Held {
  readonly lockHeldMs: number
  readonly attempts: number
}

const OUT_OF_MEMORY = '53200'
const INTERNAL_ERROR = 'XX000'

/** The changes of an ordinary short transaction take milliseconds; those of hundreds of partitions are many. */
const WORK_LIMIT_MS = 5_000
const MORE_FOR_A_STATEMENT_MS = 10

/**
 * Runs a short transaction as one message, hence in one round trip: a slow network
 * does not lengthen the time that locks are held. The locks together wait for no
 * longer than `lockTimeoutMs`, the first attempts for a part of it; then everything is let go, and it is tried again
 * after a growing, jittered pause. Inside a caller's transaction there is one attempt.
 *
 * @param catchUp what is done between attempts, in transactions of its own, so that the next has the less to do
 * @throws {UnshipError} `locked` when the attempts run out, naming who holds the locks.
 */
export async function runShort(
  context: RunContext,
  short: ShortTransaction,
  catchUp?: () => Promise<void>,
): Promise<Held> {
  const { db, options, session } = context
  const attempts = session.inTransaction ? 1 : options.lockAttempts
  const demand = demandSession(session)
  const { workLimitMs = WORK_LIMIT_MS + MORE_FOR_A_STATEMENT_MS * short.statements.length } = short
  // 0 is none; a caller's transaction has one attempt, which takes what it takes
  const timeoutMs = session.inTransaction || workLimitMs === null ? 0 : options.lockTimeoutMs * 2 + workLimitMs
  for (let attempt = 1; ; attempt++) {
    context.checkCancelled()
    const started = performance.now()
    const wait = attempt < attempts ? lockWait(options, attempt) : options.lockTimeoutMs
    const { sql, linesAhead } = compose(
      { ...short, locks: inOrder(short.locks, attempt) },
      { lockTimeoutMs: wait, timeoutMs, demand },
    )
    try {
      return { lockHeldMs: await lockedFor(context, sql), attempts: attempt }
    } catch (error) {
      const state = sqlState(error)
      if (state === NOT_YET && attempt < attempts) {
        await catchUp?.()
        continue
      }
      if (state === NOT_YET) throw notYet(context, attempts, error)
      if (state === OTHER_MEANING) throw meansOther(error)
      if (state === NOT_SERVED) throw notServed(context, error)
      if (state === OTHER_PUBLICATIONS) throw publishedOtherwise(context, error)
      if (state === OTHER_SESSION) throw sessionChanged(error)
      if (state === OUT_OF_MEMORY) throw tooManyLocks(context, { phase: short.phase, locks: locksOf(short) }, error)
      if (state === OTHER_PARTITIONS) throw otherPartitions(error)
      const another = state === LOCK_NOT_AVAILABLE || state === DEADLOCK_DETECTED || isWriteConflict(error)
      if (!another && state !== QUERY_CANCELED) throw error
      // not our own timeout, which what is done ahead does not have: somebody cancelled us
      const isEarly = () => timeoutMs === 0 || performance.now() - started < timeoutMs - 5
      if (state === QUERY_CANCELED && (isEarly() || lineOf(error) <= linesAhead)) throw error
      if (session.inTransaction) await run(db, 'rollback to savepoint unship')
      // in a caller's transaction the ledger may have been made in what was undone, and rows that are written are the run's own
      const ledgerOf = session.inTransaction ? {} : { ledgerOf: context.feature }
      const blockers = await readBlockers(db, locksOf(short), ledgerOf)
      if (attempt >= attempts)
        throw locked(context, { phase: short.phase, locks: locksOf(short) }, attempt, blockers, error)
      const retryInMs = retryPause(attempt)
      context.emit({ type: 'waiting', phase: short.phase, attempt, attempts, retryInMs, blockers })
      await sleep(retryInMs)
      await catchUp?.()
    }
  }
}

/** Runs it, and says how long its locks were held. */
async function lockedFor({ db }: RunContext, sql: string): Promise<number> {
  await run(db, sql)
  const { held } = await row<{ held: string }>(db, `select pg_catalog.current_setting('unship.report') as held`)
  return Number(held)
}

/** A catalog row that no lock guards, as that of a function, was written by somebody else at the same time. */
const isWriteConflict = (error: unknown): boolean =>
  sqlState(error) === INTERNAL_ERROR &&
  error instanceof Error &&
  'routine' in error &&
  (error.routine === 'simple_heap_update' || error.routine === 'simple_heap_delete')

const locksOf = ({ ahead, locks, concerned = [] }: ShortTransaction) => [
  ...(ahead?.locks ?? []),
  ...locks,
  ...concerned,
]

const FIRST_WAIT_MS = 10
const FULL_WAIT_FROM_ATTEMPT = 5

/**
 * Who holds a lock for the length of an ordinary transaction is gone in some milliseconds; who stays longer would have
 * everybody wait behind us for all of the timeout, in vain. So the first attempts ask for less, unless they are the last.
 */
function lockWait({ lockTimeoutMs }: RunContext['options'], attempt: number): number {
  return Math.min(lockTimeoutMs, Math.max(FIRST_WAIT_MS, (lockTimeoutMs * attempt) / FULL_WAIT_FROM_ATTEMPT))
}

/**
 * The planned order is that of clients that write to a row and then to what it refers to. Others write the parent first: while there always is
 * one of them, only the opposite order gets through.
 */
function inOrder(locks: readonly PlannedLock[], attempt: number): readonly PlannedLock[] {
  if (attempt < FULL_WAIT_FROM_ATTEMPT || attempt % 2 === 0) return locks
  return [...locks.filter(({ part }) => !part).reverse(), ...locks.filter(({ part }) => part)]
}

/** 25 ms, growing to a second, ± 25 %, so that two runs do not keep meeting. */
export function retryPause(attempt: number): number {
  const base = Math.min(1000, 25 * 1.3 ** attempt)
  return Math.round(base * (0.75 + Math.random() / 2))
}

/** In which line of a message's blocks an error came up, in whatever language the server tells; Infinity where it does not. */
function lineOf(error: unknown): number {
  const where = error instanceof Error && 'where' in error ? String(error.where) : ''
  // the outermost comes last
  const line = /inline_code_block\D*(\d+)[^\n]*$/.exec(where)?.[1]
  return line === undefined ? Infinity : Number(line)
}

/** What the server keeps for the second block: for how long the first has waited. */
const WAITED = 'unship.waited'

/**
 * One message, which is one transaction. What is done ahead takes what it takes, in a block of its own: a timeout is of one
 * statement. The lines of the second block are numbered on from those of the first, so that errors tell in which they are.
 */
function compose(
  { ahead, locks, statements, flushedLater = false }: ShortTransaction,
  { lockTimeoutMs, timeoutMs, demand }: { lockTimeoutMs: number; timeoutMs: number; demand: string },
): { readonly sql: string; readonly linesAhead: number } {
  const begin = [
    `  execute ${dollarQuote(demand, 'sql')};`,
    ...(flushedLater ? [`  perform pg_catalog.set_config('synchronous_commit', 'off', true);`] : []),
  ]
  const waited = ahead ? ` - pg_catalog.current_setting('${WAITED}')::interval` : ''
  const first = ahead
    ? block(`pg_catalog.clock_timestamp() + '${String(lockTimeoutMs)} milliseconds'`, [
        ...begin,
        ...ahead.locks.flatMap(lockLines),
        `  perform pg_catalog.set_config('${WAITED}', (pg_catalog.clock_timestamp() - began)::text, true);`,
        REMAINING,
        ...ahead.statements.map(executed),
      ])
    : null
  const linesAhead = first === null ? 0 : first.split('\n').length
  const second = block(
    `pg_catalog.clock_timestamp() + '${String(lockTimeoutMs)} milliseconds'${waited}`,
    [
      ...(ahead ? [] : begin),
      ...locks.flatMap(lockLines),
      `  ${LOCKED}`,
      REMAINING,
      ...statements.map(executed),
      `  perform pg_catalog.set_config('unship.report', (extract(epoch from pg_catalog.clock_timestamp() - locked_at) * 1000)::text, false);`,
    ],
    linesAhead,
  )
  const limit = timeoutMs === 0 ? [] : [`set local statement_timeout = ${String(timeoutMs)}`]
  return { sql: [...(first === null ? [] : [first]), ...limit, second].join(';\n'), linesAhead }
}

const executed = (sql: string) => `  execute ${dollarQuote(sql, 'sql')};`

const block = (deadline: string, lines: readonly string[], emptyLines = 0): string =>
  `do ${dollarQuote(
    [
      ...Array<string>(emptyLines).fill(''),
      `declare`,
      `  began timestamptz := pg_catalog.clock_timestamp();`,
      `  deadline timestamptz := ${deadline};`,
      `  locked_at timestamptz;`,
      `  member record;`,
      `  callers_timeout text := pg_catalog.current_setting('lock_timeout');`,
      `begin`,
      ...lines,
      `  perform pg_catalog.set_config('lock_timeout', callers_timeout, true);`,
      `end`,
    ].join('\n'),
  )}`

/** All waits together end at the deadline. */
const REMAINING = `  perform pg_catalog.set_config('lock_timeout', greatest(1, pg_catalog.ceil(extract(epoch from deadline - pg_catalog.clock_timestamp()) * 1000))::int::text, true);`
const LOCKED = `locked_at := coalesce(locked_at, pg_catalog.clock_timestamp());`

function lockLines({ sql, relation, tree, member, mode = 'access exclusive', granting }: PlannedLock): string[] {
  if (!tree) {
    if (granting === undefined) return [REMAINING, executed(sql), `  ${LOCKED}`]
    const table = qualified(relation)
    return [
      REMAINING,
      // what has been granted meanwhile, as on a table that leaves, is not to be taken away
      `  if pg_catalog.has_table_privilege(${literal(table)}, 'UPDATE, DELETE, TRUNCATE') then`,
      `  ${executed(sql)}`,
      `  else`,
      `  ${executed(locking(sql, table, id(granting)))}`,
      `  end if;`,
      `  ${LOCKED}`,
    ]
  }
  const lock = `lock table only %1$s in ${mode} mode`
  return [
    `  for member in ${member ? branchQuery(relation, member) : treeQuery(relation)} loop`,
    `  ${REMAINING}`,
    `    execute pg_catalog.format(case when pg_catalog.has_table_privilege(member.relid, 'UPDATE, DELETE, TRUNCATE')`,
    `      then '${lock}' else '${locking(lock, '%1$s', '%2$I')}' end, member.relid,`,
    `      (select pg_catalog.pg_get_userbyid(c.relowner) from pg_catalog.pg_class c where c.oid = member.relid));`,
    `    ${LOCKED}`,
    `  end loop;`,
  ]
}

/**
 * LOCK TABLE asks for a privilege to write, which an owner may have taken from itself, in any mode that is of use here; an owner can always
 * grant. The list of privileges is the same afterwards, and nobody sees it in between.
 */
const locking = (lock: string, table: string, owner: string): string =>
  `grant update on table ${table} to ${owner}; ${lock}; revoke update on table ${table} from ${owner}`
