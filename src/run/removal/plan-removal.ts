import type { AnyKysely } from '../../any-kysely.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { RemovalPlan } from '../../plan/plan.ts'
import { declarationFor } from '../declaration-for.ts'
import { onlyLooking } from '../definitions-patiently.ts'
import { inspect } from './inspect.ts'
import { withSession } from '../session.ts'

/**
 * Plans the removal of a feature and its restore. Changes nothing: definitions are
 * tried on temporary objects, which are taken back. Locks the catalogs it reads, and
 * what those definitions read in ACCESS SHARE, for which it waits a moment at a time.
 *
 * @throws {UnshipError} what the removal would refuse with; `locked` where somebody keeps a table that it reads locked.
 *
 * @example
 * const plan = await planRemoval(db, feature)
 * for (const { phase, sql, lock } of plan.removal) console.log(phase, lock, sql)
 */
export async function planRemoval(db: AnyKysely, feature: FeatureDeclaration): Promise<RemovalPlan> {
  const declared = declarationFor(db, feature, { objects: true })
  return await withSession(db, async (session) => (await inspect(onlyLooking(session, declared), declared, db)).plan)
}
