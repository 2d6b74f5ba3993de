import { referringKeys, tablesTiedTo, type ReferringKey } from '../../plan/data/referring-keys.ts'
import {
  AT_ONCE,
  findOrphans,
  findReferring,
  setAsideStatement,
  treeOf,
  type Orphans,
} from '../../plan/data/set-aside.ts'
import type { UnshipError } from '../../errors.ts'
import type { PlannedLock } from '../../plan/plan.ts'
import { REFERRED_TO } from '../../sql-states.ts'
import { qualified, type QualifiedName } from '../../sql.ts'
import type { RunContext } from '../context.ts'
import { rows, run, sqlState } from '../query.ts'
import { rowsInTheWay } from './rows-in-the-way.ts'
import { runShort } from '../short.ts'

export type Held = Awaited<ReturnType<typeof runShort>>

export interface Demands {
  readonly forced: boolean
  readonly mode: string | null
}

type To = Parameters<typeof setAsideStatement>[1]

/**
 * Of a table that is in use again, a few at a time: they are looked for before its lock is asked for, and the lock with patience.
 * Where row level security binds the owner they cannot be looked for without it.
 *
 * Where nothing refers to them no other table is locked.
 */
export async function setAsideLive(
  context: RunContext,
  orphans: Orphans,
  to: To,
  { forced, mode }: Demands,
): Promise<Held> {
  const { child, partitioned } = orphans
  const tree = treeOf(child, partitioned)
  const whole = exclusively(child, false)
  const own: PlannedLock[] = mode === null ? [] : [{ ...lockedIn(mode, child), tree: partitioned, mode }]
  const readKeys = () => rows<ReferringKey>(context.db, referringKeys(tree))
  const attempt = async (referring: To['referring'], locks: readonly PlannedLock[]) => {
    const keys = referring ? await readKeys() : []
    const stay = keys.filter((key) => !(referring === 'dropped' && key.droppable))
    const atOnce = forced || locks.length > 0 ? fewEnough(context, stay) : AT_ONCE
    return await runShort(context, {
      phase: 'validate',
      ...(forced
        ? { locks: [whole, ...locks], statements: [setAsideStatement(orphans, { ...to, referring })] }
        : {
            ahead: {
              locks: [],
              statements: [findOrphans(orphans, atOnce), ...(referring ? [findReferring(orphans, referring)] : [])],
            },
            locks,
            statements: [setAsideStatement(orphans, { ...to, referring, found: true })],
          }),
      concerned: [whole],
      workLimitMs: null,
    })
  }
  // a row that stays is referred to as before
  if (to.columns) return await attempt(undefined, forced ? [] : own)
  // PostgreSQL itself would read the whole table that refers, for each row
  if (!(await readKeys()).some((key) => key.droppable && key.blocks > 0))
    try {
      return await attempt('refused', forced ? [] : own)
    } catch (error) {
      if (sqlState(error) !== REFERRED_TO) throw error
    }
  const tied = await rows<QualifiedName & { partitioned: boolean }>(context.db, tablesTiedTo(tree))
  const locks = tied.map((table) => exclusively({ schema: table.schema, name: table.name }, table.partitioned))
  return await sayingWhoRefers(context, () => attempt('dropped', [...locks, ...own]))
}

/** So much of tables that refer may be read while others wait: some milliseconds. */
const MOST_BLOCKS = 2_000

/** How many rows are set aside at once where keys stay: PostgreSQL looks for rows that refer to each. */
function fewEnough(context: RunContext, keys: readonly ReferringKey[]): number {
  const read = keys.filter((key) => key.blocks > 0)
  const blocks = read.reduce((sum, key) => sum + key.blocks, 0)
  if (blocks === 0) return AT_ONCE
  if (blocks <= MOST_BLOCKS) return Math.min(AT_ONCE, Math.floor(MOST_BLOCKS / blocks))
  throw rowsInTheWay(context, {
    message: `rows of feature ${context.feature} cannot be set aside without reading large tables that may refer to them while others wait`,
    detail: read.map((key) => `Foreign key ${key.name} of ${key.child} has no index.`),
    ways: ['Create an index on the columns of the foreign key, concurrently, and drop it when the restore has ended.'],
  })
}

/** The reveal of a caller's transaction holds the locks until that ends. */
export const setAsideInTransaction = (context: RunContext, orphans: Orphans, to: To): Promise<void> =>
  sayingWhoRefers(context, () =>
    run(context.db, setAsideStatement(orphans, { ...to, ...(!to.columns && { referring: 'dropped' }) })),
  )

/** Before the reveal: whoever refers to a backup by then has come while the feature was away, and none of those keys is dropped. */
export const setAsideOfBackup = (context: RunContext, orphans: Orphans, to: To): Promise<void> =>
  sayingWhoRefers(context, () => run(context.db, setAsideStatement(orphans, { ...to, referring: 'refused' })))

const lockedIn = (mode: string, relation: QualifiedName) => ({
  sql: `lock table only ${qualified(relation)} in ${mode} mode`,
  relation,
})

const exclusively = (relation: QualifiedName, tree: boolean): PlannedLock => ({
  ...lockedIn('access exclusive', relation),
  ...(tree && { tree }),
})

/** A key that holds for every row has come since the reveal, or was validated before a restore broke off. */
async function sayingWhoRefers<T>(context: RunContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (sqlState(error) !== REFERRED_TO) throw error
    throw referredTo(context, { detail: [error instanceof Error ? `${error.message}.` : ''], cause: error })
  }
}

/** @param how in `detail` the keys by which others refer to rows that have no place */
export const referredTo = (
  context: RunContext,
  how: Pick<Parameters<typeof rowsInTheWay>[1], 'detail' | 'begun' | 'cause'>,
): UnshipError =>
  rowsInTheWay(context, {
    ...how,
    message: `rows of feature ${context.feature} cannot be set aside, because others refer to them`,
    detail: [...how.detail, 'They would be changed, or go, and be kept nowhere.'],
    ways: ['Change those rows, or drop the foreign key and add it again when the restore has ended.'],
  })
