import { readJson } from '../../catalog/read.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { finishRun, recordEvent } from '../../ledger/entries.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan, PlannedLock } from '../../plan/plan.ts'
import { dropTriggersOf, lockHost } from '../../plan/tree.ts'
import { unwatchStatements } from '../../plan/data/watch.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import type { RunContext } from '../context.ts'
import { dropBackup } from './copy.ts'
import { row } from '../query.ts'
import { relationExists } from '../relation-exists.ts'
import { planOf } from '../backups/removal-state.ts'
import { runShort } from '../short.ts'

/**
 * Takes the watch and the backups of columns away again; the feature has not been touched. Only then is that written into the ledger: where
 * the backups have filled the disk, there is no room for an entry until they have gone.
 */
export async function takeBackRemoval(context: RunContext, broken: LedgerRun, why: string): Promise<void> {
  const hosts = await touchedHosts(context, planOf(broken).hosts)
  const locks: PlannedLock[] = []
  for (const host of hosts) locks.push(...(await locksOf(context, host)))
  const short = async (statements: readonly string[], held: readonly PlannedLock[] = []) =>
    await runShort(context, {
      phase: broken.phase,
      locks: held,
      statements: [demandBeforeCutOver(broken.id), ...statements],
    })
  // a table that was renamed or moved has taken its triggers along
  const away = hosts.flatMap((h) => [
    dropTriggersOf(h.watch.routine),
    ...unwatchStatements(h),
    dropBackup(h, broken.id),
  ])
  if (away.length > 0) {
    const { lockHeldMs } = await short(away, locks)
    if (locks.length > 0) context.heldTakingBackMs = lockHeldMs
  }
  await short([finishRun(broken.id, 'aborted', { error: why }), recordEvent(broken.id, 'taken back', { why })])
  for (const { backup } of hosts)
    if (await relationExists(context.db, backup))
      context.warn(`table ${shown(backup)} is not the backup that run ${broken.id} made: it stays`)
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

/** A host table is locked where its watch is now: it may have another name or schema since, or have gone. */
async function locksOf(context: RunContext, host: HostPlan): Promise<PlannedLock[]> {
  const watched = await readWatched(context, host)
  const is = (table: QualifiedName) => table.schema === host.table.schema && table.name === host.table.name
  if (watched.some(is)) return [lockHost(host)]
  if (watched.length > 0) {
    const names = watched.map((w) => shown(w)).join(', ')
    context.warn(`${shown(host.table)} is called ${names} by now: the watch was taken away there`)
    return watched.map(({ partitioned, ...table }) => lockHost({ table, ...(partitioned && { members: [] }) }))
  }
  if (await relationExists(context.db, host.table)) return [lockHost(host)]
  context.warn(`${shown(host.table)} has gone: what was left of its watch, and its backup, were dropped`)
  return []
}

/** The tables whose triggers call the watch's function; what is partitioned, before its partitions. */
const readWatched = ({ db }: RunContext, { watch }: HostPlan): Promise<(QualifiedName & { partitioned: boolean })[]> =>
  readJson<QualifiedName & { partitioned: boolean }>(
    db,
    `select distinct n.nspname as schema, c.relname as name, c.relkind = 'p' as partitioned
     from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where t.tgfoid = pg_catalog.to_regprocedure(${literal(`${qualified(watch.routine)}()`)}) and t.tgparentid = 0
     order by 3 desc, 1, 2`,
  )

/** After the cut-over the backups are all there is: nothing may take them away. */
const demandBeforeCutOver = (runId: string) =>
  `do $before$ begin
  if not exists (select from ${LEDGER_SCHEMA}.runs where id = ${runId} and state = 'running' and phase in ('watch', 'copy', 'verify')) then
    raise exception 'run % is past its cut-over', ${runId};
  end if;
end $before$`
