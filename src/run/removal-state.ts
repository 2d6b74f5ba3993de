import { UnshipError } from '../errors.ts'
import { finishRun, recordEvent, type LedgerRun, type RecordedPlan } from '../ledger/ledger.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { unwatchStatements } from '../plan/watch.ts'
import type { HostPlan } from '../plan/plan.ts'
import { shown } from '../plan/model.ts'
import { lockHost } from '../plan/tree.ts'
import { literal, qualified, type QualifiedName } from '../sql.ts'
import { backupsOf, sealBackups } from './backups.ts'
import type { RunContext } from './context.ts'
import { dropBackup } from './copy.ts'
import { row, runTogether } from './query.ts'
import type { BackupReport } from './report.ts'
import { readShapes, sealStatements } from './shapes.ts'
import { runShort } from './short.ts'

/** The plan that a run's row keeps. */
export function planOf(run: LedgerRun): RecordedPlan {
  if (run.plan) return run.plan
  throw new UnshipError({
    code: 'wrong_state',
    message: `run ${run.id} of feature ${run.feature} has no plan in the ledger`,
    detail: 'Its row in unship.runs was changed.',
    hint: 'Restore the ledger from a backup of the database.',
  })
}

/** Seals the backups of a removal that is past its cut-over, and closes its run. */
export async function finishRemoval(
  context: RunContext,
  removal: Pick<LedgerRun, 'id' | 'plan' | 'feature'>,
): Promise<BackupReport[]> {
  const plan = planOf(removal as LedgerRun)
  const backups = await sealBackups(context.db, backupsOf(plan))
  const checksums = Object.fromEntries(backups.map((b) => [b.table, b.checksum]))
  const shapes = await readShapes(context.db, plan)
  const statements = await sealStatements(context.db, removal.id)
  const report = { backups, shapes, statements, phases: context.phases, warnings: context.warnings }
  await runTogether(context.db, [
    finishRun(removal.id, 'done', { checksums, report }),
    recordEvent(removal.id, 'removed', { backups }),
  ])
  return backups
}

/** Takes the watch and the backups of columns away again; the feature has not been touched. */
export async function takeBackRemoval(context: RunContext, broken: LedgerRun, why: string): Promise<void> {
  const hosts = await touchedHosts(context, planOf(broken).hosts)
  await runShort(context, {
    phase: broken.phase,
    locks: hosts.map(lockHost),
    statements: [
      demandBeforeCutOver(broken.id),
      ...hosts.flatMap((h) => [...unwatchStatements(h), dropBackup(h, broken.id)]),
      finishRun(broken.id, 'aborted', { error: why }),
      recordEvent(broken.id, 'taken back', { why }),
    ],
  })
  for (const { backup } of hosts)
    if (await isThere(context, backup))
      context.warn(`table ${shown(backup)} is not the backup that run ${broken.id} made: it stays`)
}

async function isThere({ db }: RunContext, table: QualifiedName): Promise<boolean> {
  const { there } = await row<{ there: boolean }>(
    db,
    `select pg_catalog.to_regclass(${literal(qualified(table))}) is not null as there`,
  )
  return there
}

/** Host tables that bear a watch or have a backup: no others need to be locked. */
async function touchedHosts({ db }: RunContext, hosts: readonly HostPlan[]): Promise<HostPlan[]> {
  const touched: HostPlan[] = []
  for (const host of hosts) {
    const names = [host.watch.log, host.backup].map((t) => `pg_catalog.to_regclass(${literal(qualified(t))})`)
    const { found } = await row<{ found: boolean }>(db, `select coalesce(${names.join(', ')}) is not null as found`)
    if (found) touched.push(host)
  }
  return touched
}

/** After the cut-over the backups are all there is: nothing may take them away. */
const demandBeforeCutOver = (runId: string) =>
  `do $before$ begin
  if not exists (select from ${LEDGER_SCHEMA}.runs where id = ${runId} and state = 'running' and phase in ('watch', 'copy', 'verify')) then
    raise exception 'run % is past its cut-over', ${runId};
  end if;
end $before$`
