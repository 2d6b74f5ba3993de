import { UnshipError } from '../../errors.ts'
import type { LedgerRun, RecordedPlan } from '../../ledger/recorded.ts'
import { shown } from '../../plan/model.ts'
import { isSameSeal } from '../../plan/data/seal.ts'
import { messageWithoutValues } from '../../server-error.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import { backupsOf, printedByLabels, sealBackups, type Backup } from './backups.ts'
import { readEmptied } from './emptied.ts'
import { isConnectionLost } from '../connection-lost.ts'
import type { RunContext } from '../context.ts'
import { refuseLostSeals } from './lost-seals.ts'
import { INSUFFICIENT_PRIVILEGE, row, sqlState } from '../query.ts'
import { isSameLedger } from '../same-ledger.ts'

/** The first transaction that was not over when the backups were found to be as they were sealed. */
export interface SealedSince {
  readonly xid: string
  /** The seals of those that a crash has emptied. */
  readonly emptied: Readonly<Record<string, string>>
}

/** Pair assertion: a backup is checked when it was written, and again before it is trusted. */
export async function refuseChangedBackups(
  context: RunContext,
  removal: LedgerRun,
  plan: RecordedPlan,
): Promise<SealedSince> {
  refuseLostSeals(context, removal, plan)
  const explain = ({ table }: Backup, error: unknown) =>
    isConnectionLost(error)
      ? error
      : sqlState(error) === INSUFFICIENT_PRIVILEGE
        ? mayNotRead(table, error)
        : new UnshipError({
            code: 'backup_changed',
            message: `backup ${shown(table)} cannot be read as it was written`,
            detail: messageWithoutValues(error),
            hint: 'Bring it back from a backup of the database.',
            cause: error,
          })
  const since = await row<Pick<SealedSince, 'xid'>>(
    context.db,
    'select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text as xid',
  )
  const found = await sealBackups(context.db, backupsOf(plan), {
    ...{ earlier: removal.checksums, explain },
    during: { context, phase: 'verify' },
  })
  const sameLedger = await isSameLedger(context.db, plan)
  const differing = found.filter(
    ({ table, checksum }) => !isSameSeal(removal.checksums[table] ?? checksum, checksum, sameLedger),
  )
  const emptied: Record<string, string> = {}
  for (const [table, { seal, told }] of differing.length > 0 ? await readEmptied(context.db, removal, plan) : []) {
    if (!differing.some((d) => d.table === table && isSameSeal(seal, d.checksum, sameLedger))) continue
    for (const line of told) context.warn(line)
    emptied[table] = seal
  }
  const changed = differing
    .filter(({ table }) => emptied[table] === undefined)
    .map(
      ({ table, checksum }) =>
        `${table}: sealed as ${removal.checksums[table] ?? ''}, now ${checksum} (rows:checksum).`,
    )
  if (changed.length === 0) return { ...since, emptied }
  const otherwise = backupsOf(plan).filter(({ table }) => changed.some((line) => line.startsWith(`${shown(table)}: `)))
  const types = await printedByLabels(context.db, otherwise)
  const undo = `If ${types.join(', ')} was altered meanwhile (a label renamed, an attribute added), alter it back: their values are what they were then. Otherwise bring`
  throw new UnshipError({
    code: 'backup_changed',
    message: `the backups of feature ${context.feature} are not what the removal wrote`,
    detail: changed.join('\n'),
    hint: `${types.length > 0 ? undo : 'Bring'} them back from a backup of the database. Nothing has appeared.`,
  })
}

/**
 * The same right before the reveal, since whoever owns the backups may write to them meanwhile: as many rows as were sealed, none of which
 * was written since, are the same rows. That is known without the values, in a third of the time.
 */
export async function refuseBackupsChangedSince(
  context: RunContext,
  removal: LedgerRun,
  plan: RecordedPlan,
  { xid, emptied }: SealedSince,
): Promise<void> {
  for (const { table, partitioned = false } of backupsOf(plan)) {
    const sealed = (emptied[shown(table)] ?? removal.checksums[shown(table)])?.split(':')[0]
    const { rows, same } = await row<{ rows: string; same: boolean }>(
      context.db,
      `select pg_catalog.count(*)::text as rows,
         coalesce(pg_catalog.bool_and(pg_catalog.age(t.xmin) > (select pg_catalog.age(${literal(xid)}::pg_catalog.xid8::pg_catalog.xid))), true) as same
       from ${partitioned ? '' : 'only '}${qualified(table)} t`,
    )
    if (same && (sealed === undefined || rows === sealed)) continue
    // our own changes have been sealed again
    await refuseChangedBackups(context, removal, plan)
    return
  }
}

/** Says nothing of the rows. */
const mayNotRead = (table: QualifiedName, cause: unknown) =>
  new UnshipError({
    code: 'missing_privilege',
    message: `backup ${shown(table)} may not be read`,
    detail: `SELECT on table ${shown(table)}.`,
    hint: `Grant it to the role that runs the restore: grant select on table ${qualified(table)} to …`,
    cause,
  })
