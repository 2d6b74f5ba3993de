import type { AnyKysely } from '../any-kysely.ts'
import { literal, qualified, type QualifiedName } from '../sql.ts'
import { row } from './query.ts'

/** Whether a relation of that name is there. */
export async function relationExists(db: AnyKysely, relation: QualifiedName): Promise<boolean> {
  const { found } = await row<{ found: boolean }>(
    db,
    `select pg_catalog.to_regclass(${literal(qualified(relation))}) is not null as found`,
  )
  return found
}
