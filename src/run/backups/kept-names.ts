import type { AnyKysely } from '../../any-kysely.ts'
import { shortened } from '../../names.ts'
import { literal } from '../../sql.ts'
import { row } from '../query.ts'

/** `2026_11_23_061502` in UTC: part of the names of what is kept for good. */
export async function timestampName(db: AnyKysely): Promise<string> {
  const { stamp } = await row<{ stamp: string }>(
    db,
    `select pg_catalog.to_char(pg_catalog.clock_timestamp() at time zone 'UTC', 'YYYY_MM_DD_HH24MISS') as stamp`,
  )
  return stamp
}

/** `2026-11-23` in UTC: from it on days are counted for which something is kept. */
export async function todayName(db: AnyKysely): Promise<string> {
  const { today } = await row<{ today: string }>(
    db,
    `select pg_catalog.to_char(pg_catalog.clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD') as today`,
  )
  return today
}

/** A relation name that nothing has yet: what is kept is never overwritten. */
export async function freeName(db: AnyKysely, schema: string, name: string): Promise<string> {
  for (let n = 1; ; n++) {
    const candidate = shortened(n === 1 ? name : `${name}_${String(n)}`)
    const { taken } = await row<{ taken: boolean }>(
      db,
      `select exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = ${literal(schema)} and c.relname = ${literal(candidate)}) as taken`,
    )
    if (!taken) return candidate
  }
}
