import { recordEvent } from '../../ledger/entries.ts'
import { validateConstraint } from '../../plan/objects/constraints.ts'
import type { HostPlan, MovedForeignKey, MovedPlan } from '../../plan/plan.ts'
import { shown } from '../../plan/model.ts'
import { demandsOf, onlyIn, orphaned, SET_ASIDE_COUNT, type Orphans } from '../../plan/data/set-aside.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { backupsOf, sealAgain } from '../backups/backups.ts'
import type { RunContext } from '../context.ts'
import { freeName, timestampName } from '../backups/kept-names.ts'
import { looking } from '../observe.ts'
import { orphansOf, same } from './orphans-of.ts'
import { row } from '../query.ts'
import type { SetAside } from '../report.ts'
import { setAsideInTransaction, setAsideLive, setAsideOfBackup, type Demands, type Held } from './set-aside-live.ts'

/** A table that loses rows, or a host table, of which rows lose a reference alone: these columns of them are kept. */
export type Child = MovedPlan & { readonly keeps?: readonly string[] }

/**
 * Rows of returning tables whose parent went meanwhile do what their foreign key
 * says: rows of ON DELETE SET NULL or SET DEFAULT lose the reference, others the
 * row; so do those where the row may not be without the reference, or the default
 * has no parent either. In each case the row as it was is kept in a table of its own.
 *
 * A backup that loses rows is sealed again in the same transaction.
 *
 * @param children the tables that lose rows or references: moved ones, or backups of columns
 * @param revealed the tables bear their own names again
 */
export async function setAsideOrphans(
  context: RunContext,
  children: readonly Child[],
  at: {
    readonly moved: readonly MovedPlan[]
    readonly hosts: readonly HostPlan[]
    readonly runId: string
    readonly removalId: string
    readonly revealed: boolean
    /** Told how long a table that is in use again was locked. */
    readonly held?: (held: Held) => void
  },
): Promise<SetAside[]> {
  const kept: SetAside[] = []
  const stamp = await timestampName(context.db)
  const names = new Map<string, string>()
  // a row set aside may have been another's parent
  for (let again = true; again;) {
    again = false
    for (const table of children)
      for (const key of table.foreignKeys.filter((k) => k.validated)) {
        context.checkCancelled()
        const found = await setAside(context, table, key, { ...at, stamp, names })
        if (!found) continue
        kept.push(found)
        again = true
      }
  }
  return merged(kept)
}

async function setAside(
  context: RunContext,
  table: Child,
  key: MovedForeignKey,
  at: Parameters<typeof setAsideOrphans>[2] & { readonly stamp: string; readonly names: Map<string, string> },
): Promise<SetAside | null> {
  const { db } = context
  const { moved, hosts, runId, removalId, stamp, revealed, names } = at
  // what it refers to is computed at the reveal; the validation after it finds them
  if (!revealed && key.referencedGenerated) return null
  const orphans = await orphansOf(db, table, key, at)
  const live = revealed && !context.session.inTransaction
  const demands = live ? await row<Demands>(db, demandsOf(orphans)) : null
  // a returned table may hide rows from its owner again: there only the statement itself can count
  if (!revealed || demands?.forced === false) {
    if (!(await areThereOrphans(context, table.table, orphans))) return null
  }
  const of = qualified(table.table)
  const asideName = names.get(of) ?? (await freeName(db, table.table.schema, `set_aside_${table.table.name}_${stamp}`))
  names.set(of, asideName)
  const aside = { schema: table.table.schema, name: asideName }
  const reason = `${key.name} refers to rows of ${shown(key.referenced)} that are gone (on delete ${key.onDelete})`
  const detail = { table: shown(table.table), reason, kept: shown(aside) }
  const event = (rows: string) =>
    recordEvent(runId, 'set aside', detail, `pg_catalog.jsonb_build_object('rows', ${rows})`)
  const sealed = revealed
    ? undefined
    : backupsOf({ hosts, moved }).find((b) => same(b.table, rootOf(table, moved).backup))
  const seal = sealed && (await sealAgain(db, removalId, sealed))
  const to = { name: aside, of: table.table, reason, event, seal, ...(table.keeps && { columns: table.keeps }) }
  if (demands) at.held?.(await setAsideLive(context, orphans, to, demands))
  else await (revealed ? setAsideInTransaction : setAsideOfBackup)(context, orphans, to)
  const { rows } = await row<{ rows: string }>(
    db,
    `select pg_catalog.current_setting(${literal(SET_ASIDE_COUNT)}) as rows`,
  )
  return Number(rows) === 0 ? null : { ...detail, rows: Number(rows) }
}

/**
 * A validation joins the same rows, but in one process. Measured with a second one beside ours, at 2 million contacts: 1.4 and 1.6 times as
 * long while clients are at work, 1.9 where nobody is.
 */
const ALONE = 1.6

/** Whether there are any. Where there are none, the validation of the key is expected to take about as long. */
async function areThereOrphans(context: RunContext, table: QualifiedName, orphans: Orphans): Promise<boolean> {
  const { key, child } = orphans
  const started = performance.now()
  const what = `rows of ${shown(table)} are looked through for such as lack a row of ${shown(key.referenced)}`
  const { found } = await looking(context, what, () =>
    row<{ found: boolean }>(
      context.db,
      `select exists (select from ${onlyIn(orphans)}${qualified(child)} t where ${orphaned(orphans)}) as found`,
    ),
  )
  const processes = context.session.settings.max_parallel_workers_per_gather === '0' ? 1 : ALONE
  context.expectedMs.set(validateConstraint(qualified(table), id(key.name)), (performance.now() - started) * processes)
  return found
}

/** A partition's rows are sealed with the table that it belongs to. */
const rootOf = (table: MovedPlan, moved: readonly MovedPlan[]): MovedPlan => {
  const { partitionOf } = table
  return (partitionOf && moved.find((m) => same(m.table, partitionOf))) ?? table
}

function merged(kept: readonly SetAside[]): SetAside[] {
  const all: SetAside[] = []
  for (const entry of kept) {
    const at = all.findIndex((a) => a.kept === entry.kept && a.reason === entry.reason)
    const before = all[at]
    if (before) all[at] = { ...before, rows: before.rows + entry.rows }
    else all.push(entry)
  }
  return all
}
