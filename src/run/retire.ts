import { isDeepStrictEqual } from 'node:util'
import type { Description } from '../catalog/describe.ts'
import { readJson } from '../catalog/read.ts'
import { finishRun, recordEvent, runById, type LedgerRun, type RecordedPlan } from '../ledger/ledger.ts'
import { backupKeyName } from '../names.ts'
import { orphansStatement } from '../plan/backup.ts'
import { shown } from '../plan/model.ts'
import { id, literal, qualified, type QualifiedName } from '../sql.ts'
import type { RunContext } from './context.ts'
import { countRows } from './copy.ts'
import { currentDescription } from './current.ts'
import { freeName, timestampName } from './kept-names.ts'
import { row } from './query.ts'
import type { RestoreReport } from './report.ts'
import { readSetAside } from './set-aside-report.ts'
import { runShort } from './short.ts'
import type { Restoring } from './steps.ts'

/** What became of the rows and of the backups. */
export type Retirement = Pick<RestoreReport, 'hosts' | 'retired' | 'setAside'>

/** Compares with the definitions before the removal, gives the backups their archive names, and closes the run. */
export async function retireBackups(restoring: Restoring, restore: LedgerRun): Promise<Retirement> {
  const { context, plan, removalId } = restoring
  const { db } = context
  const removal = await runById(db, removalId)
  const setAside = await readSetAside(context, restore.id)
  const before = await withoutGonePartitions(context, plan)
  for (const difference of differences(before, await currentDescription(db, plan)))
    context.warn(`restored with another definition than before: ${difference}`)
  const hosts: RestoreReport['hosts'][number][] = []
  const retired: RestoreReport['retired'][number][] = []
  const statements: string[] = []
  const stamp = await timestampName(db)
  for (const host of plan.hosts) {
    const { schema, name: backup } = host.backup
    hosts.push(await hostReport(restoring, host, removal))
    const name = await freeName(db, schema, `${backup.replace(/^backup_/, 'archive_')}_${stamp}`)
    const key = await freeName(db, schema, `${name}_pkey`)
    const comment = `Backup of ${shown(host.table)} for feature ${context.feature}, restored ${stamp} UTC by kysely-unship (run ${restore.id})`
    statements.push(
      `alter table ${qualified(host.backup)} rename to ${id(name)}`,
      `alter index ${id(schema, backupKeyName(backup))} rename to ${id(key)}`,
      `comment on table ${id(schema, name)} is ${literal(comment)}`,
    )
    retired.push({ backup: shown(host.backup), became: shown({ schema, name }) })
  }
  for (const moved of plan.moved.filter((m) => m.partitionOf === undefined))
    retired.push({ backup: shown(moved.backup), became: shown(moved.table) })
  const report = { hosts, retired, setAside, phases: context.phases, warnings: context.warnings }
  await runShort(context, {
    phase: 'record',
    locks: [],
    statements: [
      ...statements,
      recordEvent(restore.id, 'restored', { hosts, retired, setAside }),
      finishRun(restore.id, 'done', { report }),
    ],
  })
  return { hosts, retired, setAside }
}

async function hostReport(
  { context, found }: Pick<Restoring, 'context' | 'found'>,
  host: RecordedPlan['hosts'][number],
  removal: LedgerRun,
) {
  const { kept, found: there } = found.get(host) ?? (await countFound(context, host))
  const gone = kept - there
  // rows without a value leave no trace when they go: where they did, this many came in at least
  const before = removal.host_rows?.[shown(host.table)]
  const inserted = before === undefined ? 0 : Math.max(0, (await countRows(context.db, host)) - (before - gone))
  return { table: shown(host.table), restored: there, inserted, deleted: gone }
}

/** For a restore that broke off after its verification. */
async function countFound({ db }: RunContext, host: RecordedPlan['hosts'][number]) {
  const counted = await row<{ rows: string; kept: string }>(
    db,
    `select (${orphansStatement(host)})::text as rows, (select pg_catalog.count(*) from ${qualified(host.backup)})::text as kept`,
  )
  return { kept: Number(counted.kept), found: Number(counted.kept) - Number(counted.rows) }
}

/** Partitions that were detached or dropped meanwhile have taken along what was theirs. */
async function withoutGonePartitions({ db }: RunContext, { hosts, described }: RecordedPlan): Promise<Description> {
  let kept = described
  for (const { table, members } of hosts) {
    if (!members) continue
    const there = await readJson<{ name: string }>(
      db,
      `select n.nspname || '.' || c.relname as name
       from pg_catalog.pg_partition_tree(${literal(qualified(table))}::pg_catalog.regclass) t
       join pg_catalog.pg_class c on c.oid = t.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace`,
    )
    const gone = members.filter((m) => !there.some(({ name }) => name === `${m.schema}.${m.name}`))
    const isGone = ([identity, definition]: [string, unknown]) =>
      gone.some(
        (m) => identity.slice(identity.indexOf(' ') + 1).startsWith(`${m.schema}.${m.name}.`) || isOf(m, definition),
      )
    kept = Object.fromEntries(Object.entries(kept).filter((entry) => !isGone(entry)))
  }
  return kept
}

/** Whether a description of an index or of statistics speaks of the table. */
function isOf({ schema, name }: QualifiedName, description: unknown): boolean {
  if (description === null || typeof description !== 'object') return false
  if ('table' in description) return description.table === `${schema}.${name}`
  const definition = 'definition' in description ? description.definition : null
  if (typeof definition !== 'string') return false
  const printed = [schema, id(schema)].flatMap((s) => [name, id(name)].map((n) => `${s}.${n}`))
  return printed.some((p) => definition.includes(` ON ${p} USING `) || definition.includes(` ON ONLY ${p} USING `))
}

function differences(before: Description, after: Description): string[] {
  return Object.entries(before).flatMap(([identity, definition]) => {
    if (isDeepStrictEqual(definition, after[identity])) return []
    return [
      `${identity}: ${JSON.stringify(definition)} became ${identity in after ? JSON.stringify(after[identity]) : 'nothing'}`,
    ]
  })
}
