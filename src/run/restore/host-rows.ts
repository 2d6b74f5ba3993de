import type { AnyKysely } from '../../any-kysely.ts'
import { countKeptStatement, sampleKeptStatement } from '../../plan/data/backup.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { rowsOf } from '../../plan/tree.ts'
import { row } from '../query.ts'

/** How many rows a host table has. */
export async function countRows(db: AnyKysely, host: HostPlan): Promise<number> {
  const { rows } = await row<{ rows: string }>(db, `select pg_catalog.count(*)::text as rows from ${rowsOf(host)}`)
  return Number(rows)
}

/** Rows of a backup, and those of them that have no row in the host table any more. */
export interface Kept {
  readonly kept: number
  readonly gone: number
}

export const countKept = (db: AnyKysely, host: HostPlan): Promise<Kept> => keptBy(db, countKeptStatement(host))

/** Of a sample, where the backup is large: cheap, whatever its size. */
export const sampleKept = (db: AnyKysely, host: HostPlan): Promise<Kept> => keptBy(db, sampleKeptStatement(host))

async function keptBy(db: AnyKysely, sql: string): Promise<Kept> {
  const { kept, gone } = await row<{ kept: string; gone: string }>(db, sql)
  return { kept: Number(kept), gone: Number(gone) }
}
