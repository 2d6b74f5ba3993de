import type { AnyKysely } from '../any-kysely.ts'
import { inDefaultSchema, refuseElsewhere, refuseRenamed } from '../catalog/default-schema.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { checkedDeclaration } from '../feature/validate.ts'
import { demandKysely } from './usable.ts'

/**
 * A call's declaration, as it is run and recorded: checked, and meaning what the Kysely given would find.
 *
 * @param which.objects whether it has to name any: of a restore the ledger knows them
 */
export function declarationFor(
  db: AnyKysely,
  declaration: FeatureDeclaration,
  which: { readonly objects: boolean },
): FeatureDeclaration {
  demandKysely(db)
  const checked = checkedDeclaration(declaration, which)
  if (which.objects) refuseRenamed(checked, db)
  refuseElsewhere(checked, db)
  // in another schema than public two names may be one
  return checkedDeclaration(inDefaultSchema(checked, db), which)
}

/** The same where it is only looked for, among others: what a run would refuse is no reason to tell nothing of them. */
export function declarationToFind(db: AnyKysely, declaration: FeatureDeclaration): FeatureDeclaration {
  demandKysely(db)
  return inDefaultSchema(checkedDeclaration(declaration, { objects: false }), db)
}
