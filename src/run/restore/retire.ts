import { describeSome } from '../../catalog/describe-some.ts'
import { sameDefinition, withUnnamedNotNull, type Description } from '../../catalog/describe.ts'
import type { AnyKysely } from '../../any-kysely.ts'
import { runById } from '../../ledger/ledger.ts'
import type { LedgerRun, RecordedPlan } from '../../ledger/recorded.ts'
import { finishRun, recordEvent } from '../../ledger/entries.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan, PlannedLock } from '../../plan/plan.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { withoutGonePartitions } from './gone-partitions.ts'
import { countKept, countRows } from './host-rows.ts'
import { freeName, timestampName } from '../backups/kept-names.ts'
import { looking } from '../observe.ts'
import { row } from '../query.ts'
import type { RestoreReport } from '../report.ts'
import { warnOfLeftColumns } from './left-columns.ts'
import { readAllSetAside } from './set-aside-report.ts'
import { runShort } from '../short.ts'
import type { Restoring } from './steps.ts'

/** What became of the rows and of the backups. */
export type Retirement = Pick<RestoreReport, 'hosts' | 'retired' | 'setAside'>

/** Compares with the definitions before the removal, gives the backups their archive names, and closes the run. */
export async function retireBackups(restoring: Restoring, restore: LedgerRun): Promise<Retirement> {
  const { context, plan, removalId } = restoring
  const { db } = context
  const removal = await runById(db, removalId)
  const setAside = await readAllSetAside(context, removalId)
  const before = await withoutGonePartitions(context, plan)
  for (const difference of differences(before, await describeSome(db, Object.keys(plan.described))))
    context.warn(`restored with another definition than before: ${difference}`)
  await warnOfLeftColumns(context, plan, restore.id)
  const hosts: RestoreReport['hosts'][number][] = []
  const retired: RestoreReport['retired'][number][] = []
  const statements: string[] = []
  const locks: PlannedLock[] = []
  const stamp = await timestampName(db)
  for (const host of plan.hosts) {
    const { schema, name: backup } = host.backup
    const { table: isThere, owner, owned, key: keyName } = await readThere(db, host)
    // they are the application's since the reveal: the restore must end whatever it does with them
    if (!isThere) context.warn(`${shown(host.table)} has gone since its columns came back`)
    if (owner === null) {
      context.warn(`backup ${shown(host.backup)} has gone since: it is not kept`)
      continue
    }
    if (!owned) {
      context.warn(`backup ${shown(host.backup)} belongs to ${owner} now: it stays under that name`)
      continue
    }
    if (isThere) hosts.push(await hostReport(restoring, host, removal))
    const name = await freeName(db, schema, `${backup.replace(/^backup_/, 'archive_')}_${stamp}`)
    const key = await freeName(db, schema, `${name}_pkey`)
    const comment = `Backup of ${shown(host.table)} for feature ${context.feature}, restored ${stamp} UTC by kysely-unship (run ${restore.id})`
    // asked for by itself, the wait names who holds it
    locks.push({
      sql: `lock table only ${qualified(host.backup)} in access exclusive mode`,
      relation: host.backup,
    })
    statements.push(
      `alter table ${qualified(host.backup)} rename to ${id(name)}`,
      ...(keyName === null ? [] : [`alter index ${id(schema, keyName)} rename to ${id(key)}`]),
      `comment on table ${id(schema, name)} is ${literal(comment)}`,
    )
    if (keyName === null) context.warn(`the primary key of backup ${shown(host.backup)} has gone`)
    retired.push({ backup: shown(host.backup), became: shown({ schema, name }) })
  }
  for (const moved of plan.moved.filter((m) => m.partitionOf === undefined))
    retired.push({ backup: shown(moved.backup), became: shown(moved.table) })
  const report = { hosts, retired, setAside, phases: context.phases, warnings: context.warnings }
  await runShort(context, {
    phase: 'record',
    locks,
    statements: [
      ...statements,
      recordEvent(restore.id, 'restored', { hosts, retired, setAside }),
      finishRun(restore.id, 'done', { report }),
    ],
  })
  return { hosts, retired, setAside }
}

async function hostReport(
  { context, counted }: Pick<Restoring, 'context' | 'counted'>,
  host: RecordedPlan['hosts'][number],
  removal: LedgerRun,
) {
  const counting = <T>(count: () => Promise<T>) => looking(context, `rows of ${shown(host.table)} are counted`, count)
  // a restore that broke off after its verification has not counted
  const { kept, gone } = counted.get(host) ?? (await counting(() => countKept(context.db, host)))
  // rows without a value leave no trace when they go: where they did, this many came in at least
  const before = removal.host_rows?.[shown(host.table)]
  const inserted =
    before === undefined ? 0 : Math.max(0, (await counting(() => countRows(context.db, host))) - (before - gone))
  return { table: shown(host.table), restored: kept - gone, inserted, deleted: gone }
}

/** What is there yet of a host table and its backup. */
const readThere = (db: AnyKysely, { table, backup }: HostPlan) => {
  const found = (name: QualifiedName) => `pg_catalog.to_regclass(${literal(qualified(name))})`
  return row<{ table: boolean; owner: string | null; owned: boolean | null; key: string | null }>(
    db,
    `select ${found(table)} is not null as table, pg_catalog.pg_get_userbyid(b.relowner) as owner,
       pg_catalog.pg_has_role(b.relowner, 'USAGE') as owned,
       (select c.relname::text from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
        where i.indrelid = b.oid and i.indisprimary) as key
     from (select ${found(backup)}::pg_catalog.oid) x(oid) left join pg_catalog.pg_class b on b.oid = x.oid`,
  )
}

function differences(before: Description, after: Description): string[] {
  return Object.entries(before).flatMap(([identity, definition]) => {
    const now = after[identity]
    if (sameDefinition(definition, now) || sameDefinition(definition, withUnnamedNotNull(identity, now, after)))
      return []
    return [
      `${identity}: ${JSON.stringify(definition)} became ${identity in after ? JSON.stringify(after[identity]) : 'nothing'}`,
    ]
  })
}
