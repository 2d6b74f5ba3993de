import type { AnyKysely } from '../../any-kysely.ts'
import { holds } from '../../plan/data/backup.ts'
import { shown, type Model } from '../../plan/model.ts'
import type { RemovalPlan } from '../../plan/plan.ts'
import type { BackupEstimate } from '../../plan/review/review.ts'
import { rowsOf } from '../../plan/tree.ts'
import { id, qualified } from '../../sql.ts'
import { row } from '../query.ts'

/** A host table larger than this is sampled. */
const COUNTED_BYTES = 1024 ** 3
const SAMPLED_BYTES = 256 * 1024 ** 2
/** A row's line pointer and the time of its backup. */
const ROW_OVERHEAD = 12
/** What a row has in a table and not in an index, what it has there instead, and how full an index is built. */
const HEADER = 24
const ENTRY_OVERHEAD = 12
const FILLED = 0.9
/** A table of more than four blocks has a map of its free space. */
const MAPPED_FROM_BYTES = 4 * 8192
const MAP_BYTES = 3 * 8192

/** Rows begin at multiples of eight bytes. */
const aligned = (bytes: string) => `(${bytes} + 7) / 8 * 8`

/** What each backup will hold: host tables are read as the removal will read them, or sampled. */
export async function estimateBackups(db: AnyKysely, model: Model, plan: RemovalPlan): Promise<BackupEstimate[]> {
  const relation = (name: { schema: string; name: string }) =>
    model.snapshot.relations.find((r) => r.nspname === name.schema && r.relname === name.name)
  const size = (name: { schema: string; name: string }) => model.size(relation(name)?.oid ?? '')
  const backups: BackupEstimate[] = []
  for (const host of plan.hosts) {
    const { bytes } = size(host.table)
    const percent = bytes > COUNTED_BYTES ? (SAMPLED_BYTES / bytes) * 100 : 100
    const key = host.key.map((name) => `h.${id(name)}`).join(', ')
    const values = [...host.key, ...host.columns.map((c) => c.name)].map((name) => `h.${id(name)}`).join(', ')
    const sample = percent === 100 ? '' : ` tablesample system (${percent.toFixed(4)})`
    const found = await row<{ rows: string; bytes: string; index_bytes: string }>(
      db,
      `select pg_catalog.count(*)::text as rows, coalesce(pg_catalog.sum(${aligned(`pg_catalog.pg_column_size(row(${values}))`)}), 0)::text as bytes,
         coalesce(pg_catalog.sum(${aligned(`pg_catalog.pg_column_size(row(${key})) - ${HEADER} + ${ENTRY_OVERHEAD}`)}), 0)::text as index_bytes
       from ${rowsOf(host)} h${sample} where ${holds(host, 'h')}`,
    )
    const whole = 100 / percent
    const rows = Math.round(Number(found.rows) * whole)
    const heap = Number(found.bytes) * whole + rows * ROW_OVERHEAD
    const index = (Number(found.index_bytes) / FILLED) * whole
    backups.push({
      table: shown(host.backup),
      of: `${host.columns.map((c) => c.name).join(', ')} of ${shown(host.table)}`,
      how: 'copied',
      rows,
      bytes: Math.round(heap + index) + (heap > MAPPED_FROM_BYTES ? MAP_BYTES : 0),
      exact: percent === 100,
    })
  }
  for (const moved of plan.moved) {
    const { bytes, rows: estimated } = size(moved.table)
    const readable = relation(moved.table)?.privileges.includes('SELECT') && !relation(moved.table)?.row_security_active
    const counted = bytes <= COUNTED_BYTES && readable === true
    const rows = counted ? await countRows(db, qualified(moved.table)) : estimated
    backups.push({
      table: shown(moved.backup),
      of: `table ${shown(moved.table)}`,
      how: 'renamed',
      rows,
      bytes,
      exact: counted,
    })
  }
  return backups
}

async function countRows(db: AnyKysely, table: string): Promise<number> {
  const { rows } = await row<{ rows: string }>(db, `select pg_catalog.count(*)::text as rows from only ${table}`)
  return Number(rows)
}
