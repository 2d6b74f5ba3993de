import { UnshipError } from '../../errors.ts'
import { lockOrder } from '../locks.ts'
import { shown, type Model } from '../model.ts'

/** How many partitions or children are renamed before somebody might notice the wait. */
const NOTICEABLE = 100

/** PostgreSQL locks the constraint, and two triggers on either side, when a foreign key is dropped. */
const LOCKS_OF_A_FOREIGN_KEY = 5

/**
 * An upper bound for the locks that the cut-over or the reveal holds at once: on each table, on
 * what is renamed with it, and on what is dropped with its foreign keys.
 */
export function locksNeeded(model: Model): number {
  const { indexes, sequences, statistics, constraints } = model.snapshot
  const moved = (oid: string | null) => oid !== null && model.moved.has(oid)
  return (
    lockOrder(model).length +
    indexes.filter((i) => moved(i.indrelid)).length +
    sequences.filter((s) => moved(s.owner_relid)).length +
    statistics.filter((s) => moved(s.stxrelid)).length +
    constraints.filter((k) => k.contype === 'f' && model.nodes.has(`pg_constraint:${k.oid}:0`)).length *
      LOCKS_OF_A_FOREIGN_KEY
  )
}

/** Refuses where all sessions' shared table of locks could not hold those of one transaction of ours. */
export function refuseLockTable(model: Model): void {
  const needed = locksNeeded(model)
  const { lock_slots: slots } = model.snapshot.environment
  if (needed <= slots) return
  throw new UnshipError({
    code: 'lock_table_too_small',
    message: `the server's lock table is too small to remove feature ${model.feature.name}`,
    detail: `Up to ${String(needed)} locks are held in one transaction, on ${String(model.moved.size)} tables and what belongs to them; the table has room for about ${String(slots)}.`,
    hint: 'Raise max_locks_per_transaction (it takes a restart of the server), or have fewer partitions.',
  })
}

/** Many partitions take their time to be renamed, all in one transaction. */
export const manyPartitions = (model: Model): string[] =>
  [...model.moved]
    .filter((oid) => model.isPartitioned(oid) && !model.isPartitionOfMoved(oid))
    .flatMap((oid) => {
      const count = partitionsBelow(model, oid)
      return count > NOTICEABLE
        ? [
            `${shown(model.name(oid))} has ${String(count)} partitions, all renamed in one transaction: its locks are held for a few milliseconds each`,
          ]
        : []
    })

const partitionsBelow = (model: Model, oid: string): number =>
  model.relation(oid).children.reduce((sum, child) => sum + 1 + partitionsBelow(model, child), 0)
