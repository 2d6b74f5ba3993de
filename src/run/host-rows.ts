import type { AnyKysely } from '../any-kysely.ts'
import { countKeptStatement } from '../plan/backup.ts'
import type { HostPlan } from '../plan/plan.ts'
import { rowsOf } from '../plan/tree.ts'
import { row } from './query.ts'

/** How many rows a host table has. */
export async function countRows(db: AnyKysely, host: HostPlan): Promise<number> {
  const { rows } = await row<{ rows: string }>(db, `select pg_catalog.count(*)::text as rows from ${rowsOf(host)}`)
  return Number(rows)
}

/** How many rows its backup keeps, and how many of them have no row in the table any more. */
export async function countKept(db: AnyKysely, host: HostPlan): Promise<{ kept: number; gone: number }> {
  const { kept, gone } = await row<{ kept: string; gone: string }>(db, countKeptStatement(host))
  return { kept: Number(kept), gone: Number(gone) }
}
