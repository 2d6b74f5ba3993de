import { UnshipError } from '../errors.ts'
import { finishRun, recordEvent, type LedgerRun, type RecordedPlan } from '../ledger/ledger.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { unwatchStatements } from '../plan/backup.ts'
import { qualified } from '../sql.ts'
import { backupsOf, sealBackup } from './backups.ts'
import type { RunContext } from './context.ts'
import { dropBackup } from './copy.ts'
import { run } from './query.ts'
import type { BackupReport } from './report.ts'
import { runShort } from './short.ts'

/** The plan that a run's row keeps. */
export function planOf(run: LedgerRun): RecordedPlan {
  if (run.plan) return run.plan
  throw new UnshipError({
    code: 'wrong_state',
    message: `run ${run.id} of feature ${run.feature} has no plan in the ledger`,
    hint: 'Restore the ledger from a backup of the database.',
  })
}

/** Seals the backups of a removal that is past its cut-over, and closes its run. */
export async function finishRemoval(
  context: RunContext,
  removal: Pick<LedgerRun, 'id' | 'plan' | 'feature'>,
): Promise<BackupReport[]> {
  const backups: BackupReport[] = []
  for (const backup of backupsOf(planOf(removal as LedgerRun))) backups.push(await sealBackup(context.db, backup))
  const checksums = Object.fromEntries(backups.map((b) => [b.table, b.checksum]))
  const report = { backups, phases: context.phases, warnings: context.warnings }
  await run(context.db, finishRun(removal.id, 'done', { checksums, report }))
  await run(context.db, recordEvent(removal.id, 'removed', { backups }))
  return backups
}

/** Takes the watch and the backups of columns away again; the feature has not been touched. */
export async function takeBackRemoval(context: RunContext, broken: LedgerRun, why: string): Promise<void> {
  const { hosts } = planOf(broken)
  await runShort(context, {
    phase: broken.phase,
    locks: hosts.map((h) => ({
      sql: `lock table only ${qualified(h.table)} in access exclusive mode`,
      relation: h.table,
    })),
    statements: [
      demandBeforeCutOver(broken.id),
      ...hosts.flatMap((h) => [...unwatchStatements(h), dropBackup(h, broken.id)]),
      finishRun(broken.id, 'aborted', { error: why }),
      recordEvent(broken.id, 'taken back', { why }),
    ],
  })
}

/** After the cut-over the backups are all there is: nothing may take them away. */
const demandBeforeCutOver = (runId: string) =>
  `do $before$ begin
  if not exists (select from ${LEDGER_SCHEMA}.runs where id = ${runId} and state = 'running' and phase in ('watch', 'copy', 'verify')) then
    raise exception 'run % is past its cut-over', ${runId};
  end if;
end $before$`
