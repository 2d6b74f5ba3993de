import { readJson } from '../../catalog/read.ts'
import { UnshipError } from '../../errors.ts'
import { ledgerOid, runById } from '../../ledger/ledger.ts'
import type { LedgerRun, RecordedPlan } from '../../ledger/recorded.ts'
import { finishRun, recordEvent, unmarkDone } from '../../ledger/entries.ts'
import { shown } from '../../plan/model.ts'
import { standInsGo } from '../../plan/objects/swap.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import { backToArchive } from '../backups/archive.ts'
import type { RunContext } from '../context.ts'
import { dependedOn } from './hidden-dependents.ts'
import { DEPENDENT_OBJECTS_STILL_EXIST } from '../query.ts'
import { relationExists } from '../relation-exists.ts'
import { planOf } from '../backups/removal-state.ts'
import { readSetAside } from './set-aside-report.ts'
import { runShort, type ShortTransaction } from '../short.ts'
import { comparing } from '../what-changed.ts'

/** Takes the hidden columns of a broken restore away again: the feature is then as removed as before. */
export async function takeBackRestore(context: RunContext, restore: LedgerRun): Promise<void> {
  const plan = planOf(restore)
  const added = restore.phase !== 'add'
  const gone = await goneHosts(context, plan)
  // names in it stand as they do in the statement, or as a literal
  const isOfGone = (sql: string) =>
    gone.some((t) => sql.startsWith(`alter table ${qualified(t)} `) || sql.includes(literal(qualified(t))))
  const archiving = await backToArchive(context, await runById(context.db, restore.removal_id ?? ''))
  const short: ShortTransaction = {
    phase: restore.phase,
    locks: [
      ...plan.locks.add.filter(({ relation }) => !gone.some((t) => qualified(t) === qualified(relation))),
      ...archiving.locks,
    ],
    statements: [
      ...(added
        ? [
            ...(plan.lateRows ?? []).flatMap((l) => l.gone),
            ...standInsGo(plan.swaps),
            ...plan.takeBack,
            ...(plan.memberships ?? []).flatMap((m) => m.undo),
          ].filter((sql) => !isOfGone(sql))
        : []),
      ...archiving.statements,
      unmarkDone(restore.removal_id ?? '0'),
      finishRun(restore.id, 'aborted'),
      recordEvent(restore.id, 'taken back', { why: 'the feature is removed again' }),
    ],
  }
  const takeBack = async () => {
    context.heldTakingBackMs = (await runShort(context, short)).lockHeldMs
  }
  await comparing(context, takeBack, async (state) =>
    state === DEPENDENT_OBJECTS_STILL_EXIST ? await dependedOn(context, plan.hosts) : null,
  )
  for (const { rows, table, reason, kept } of await readSetAside(context, restore.id))
    context.warn(`${String(rows)} rows of ${table} stay set aside in ${kept}, and are not restored: ${reason}`)
}

/**
 * Host tables that were dropped while the restore was broken: what it had prepared in them went with them.
 *
 * @throws {UnshipError} `host_table_missing` where one is there by another name, with its hidden columns
 */
async function goneHosts(context: RunContext, plan: RecordedPlan): Promise<QualifiedName[]> {
  const gone: QualifiedName[] = []
  for (const { table } of plan.hosts) {
    if (await relationExists(context.db, table)) continue
    const oid = plan.sources?.find((s) => s.table === shown(table))?.oid
    const [renamed] = oid === undefined ? [] : await readByOid(context, oid, plan.ledger)
    if (renamed)
      throw new UnshipError({
        code: 'host_table_missing',
        message: `cannot take back the restore of feature ${context.feature} because ${shown(table)} is called ${shown(renamed)} by now`,
        detail: 'The columns that the restore has added are still in it, under hidden names.',
        hint: 'Give the table its name back, and run the same command again; after that it may have the other one.',
      })
    gone.push(table)
    context.warn(`${shown(table)} has gone, and what the restore had prepared in it`)
  }
  return gone
}

/** The table of an oid, unless the ledger has come here as a dump: oids are other ones then. */
const readByOid = ({ db }: RunContext, oid: string, ledger: string | undefined): Promise<QualifiedName[]> =>
  readJson<QualifiedName>(
    db,
    `select n.nspname as schema, c.relname as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid = ${literal(oid)}::pg_catalog.oid and c.relkind in ('r', 'p') and ${ledgerOid} = ${literal(ledger ?? '')}`,
  )
