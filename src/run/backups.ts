import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import { shown } from '../plan/model.ts'
import type { HostPlan, MovedPlan } from '../plan/plan.ts'
import { isTextSeal, sealStatement, textSealStatement, type SealedColumn } from '../plan/seal.ts'
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

/**
 * Counts, measures and seals one backup; as an earlier seal was made, if there is one to compare with.
 */
export async function sealBackup(db: AnyKysely, backup: Backup, earlier?: string): Promise<BackupReport> {
  const name = qualified(backup.table)
  const { partitioned = false } = backup
  const all = await sealedColumns(db, name)
  const columns = backup.columns === null ? all : backup.columns.map((c) => columnNamed(all, c))
  const statement =
    earlier !== undefined && isTextSeal(earlier)
      ? textSealStatement(
          name,
          columns.map((c) => c.attname),
          { partitioned },
        )
      : sealStatement(name, columns, { partitioned })
  const { checksum, rows: count } = await row<{ checksum: string; rows: string }>(db, statement)
  const { bytes } = await row<{ bytes: string }>(
    db,
    // of a table that is neither partitioned nor a partition there is no tree
    `select coalesce((select pg_catalog.sum(pg_catalog.pg_total_relation_size(p.relid)) from pg_catalog.pg_partition_tree(${literal(name)}) p),
       pg_catalog.pg_total_relation_size(${literal(name)}::pg_catalog.regclass))::text as bytes`,
  )
  return { table: shown(backup.table), of: backup.of, rows: Number(count), bytes: Number(bytes), checksum }
}

const sealedColumns = (db: AnyKysely, name: string): Promise<SealedColumn[]> =>
  readJson<SealedColumn>(
    db,
    `select a.attname, case when t.typtype = 'b' and t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace then t.typname end as typname
     from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
     where a.attrelid = ${literal(name)}::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped
     order by a.attnum`,
  )

/** A column that has gone is left to the statement, whose error says so. */
const columnNamed = (columns: readonly SealedColumn[], name: string): SealedColumn =>
  columns.find((c) => c.attname === name) ?? { attname: name, typname: null }
