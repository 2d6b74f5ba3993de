import type { AnyKysely } from '../any-kysely.ts'
import { checksumStatement } from '../plan/backup.ts'
import { shown } from '../plan/model.ts'
import type { HostPlan, MovedPlan } from '../plan/plan.ts'
import { literal, qualified, type QualifiedName } from '../sql.ts'
import { row } from './query.ts'
import type { BackupReport } from './report.ts'

/** A table that keeps what was removed, and what its checksum covers. */
export interface Backup {
  readonly table: QualifiedName
  readonly of: string
  /** null: all columns. */
  readonly columns: readonly string[] | null
  /** Its rows are those of its partitions. */
  readonly partitioned?: boolean
}

export function backupsOf(plan: {
  readonly hosts: readonly HostPlan[]
  readonly moved: readonly MovedPlan[]
}): Backup[] {
  return [
    ...plan.hosts.map((h) => ({
      table: h.backup,
      of: `${h.columns.map((c) => c.name).join(', ')} of ${shown(h.table)}`,
      columns: [...h.key, ...h.columns.map((c) => c.name)],
    })),
    // partitions count with the table that they belong to
    ...plan.moved
      .filter((m) => m.partitionOf === undefined)
      .map((m) => ({
        table: m.backup,
        of: `table ${shown(m.table)}`,
        columns: null,
        ...(m.partitioned && { partitioned: true }),
      })),
  ]
}

/** Counts, measures and seals one backup. */
export async function sealBackup(db: AnyKysely, backup: Backup): Promise<BackupReport> {
  const name = qualified(backup.table)
  const columns = backup.columns ?? (await columnNames(db, name))
  const { checksum, rows: count } = await row<{ checksum: string; rows: string }>(
    db,
    checksumStatement(name, columns, { partitioned: backup.partitioned ?? false }),
  )
  const { bytes } = await row<{ bytes: string }>(
    db,
    // of a table that is neither partitioned nor a partition there is no tree
    `select coalesce((select pg_catalog.sum(pg_catalog.pg_total_relation_size(p.relid)) from pg_catalog.pg_partition_tree(${literal(name)}) p),
       pg_catalog.pg_total_relation_size(${literal(name)}::pg_catalog.regclass))::text as bytes`,
  )
  return { table: shown(backup.table), of: backup.of, rows: Number(count), bytes: Number(bytes), checksum }
}

async function columnNames(db: AnyKysely, name: string): Promise<string[]> {
  const { names } = await row<{ names: string }>(
    db,
    `select coalesce(pg_catalog.json_agg(a.attname order by a.attnum), '[]')::text as names from pg_catalog.pg_attribute a
     where a.attrelid = ${literal(name)}::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped`,
  )
  return JSON.parse(names) as string[]
}
