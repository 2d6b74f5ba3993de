import type { AnyKysely } from '../../any-kysely.ts'
import { readDeclared, type ResolvedName } from '../../catalog/resolve.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import type { Claim } from '../../plan/plan.ts'
import { label } from '../../plan/refusals/check.ts'
import { claimsMeant, claimsOf } from '../../plan/unchanged/same-claims.ts'
import type { RunContext } from '../context.ts'

/**
 * A removal that has cut over is what was declared then. Who has edited the declaration since must not be told that this is removed:
 * Kysely would record a migration that has not taken what it declares, or took what it does not declare. Only names that mean
 * something else are a difference.
 */
export async function refuseDeclaredOtherwise(
  { db }: RunContext,
  removal: LedgerRun,
  feature: FeatureDeclaration,
  named: AnyKysely,
): Promise<void> {
  const { id, declaration, plan } = removal
  if (!plan || !declaration) return
  const now = await readDeclared(db, feature, named)
  const there = now.filter((d) => isUntouched(plan.claims, d))
  const declared = new Set(now.flatMap((d) => (there.includes(d) ? [] : claimsMeant(plan.claims, d))))
  const before = await readDeclared(db, declaration, named)
  const undeclared = before.filter((d) => !d.found && claimsMeant(plan.claims, d).some((claim) => !declared.has(claim)))
  if (undeclared.length === 0 && there.length === 0) return
  if (declared.size === 0) throw ofAnother(removal)
  throw new UnshipError({
    code: 'wrong_state',
    message: `feature ${feature.name} is removed as it was declared before, and is declared otherwise now`,
    detail: [
      `Run ${id} removed what was declared then, and its backups are kept.`,
      ...(undeclared.length > 0 ? [`Removed, and no longer declared: ${undeclared.map(label).join(', ')}.`] : []),
      ...(there.length > 0 ? [`Declared, and still there: ${there.map(label).join(', ')}.`] : []),
    ].join('\n'),
    hint: `Bring the feature back (unship abort ${feature.name} where Kysely has no record of its migration, else restoreFeature), then run the same command again: it removes what is declared now. Or declare again what was removed.`,
  })
}

/** Nothing of what was removed is declared. */
const ofAnother = ({ id, feature }: LedgerRun) =>
  new UnshipError({
    code: 'wrong_state',
    message: `the name ${feature} is taken by another feature, which is removed`,
    detail: `Run ${id} removed it: nothing of it is declared here, and its backups are still kept. A feature is found by its name.`,
    hint: 'Give this declaration a name of its own.',
  })

/** Whether a removal with these claims has left what is declared; what bears the name of something that it took came after it. */
const isUntouched = (claims: readonly Claim[], d: ResolvedName): boolean =>
  claimsOf(claims, d).length === 0 &&
  (d.found !== null || d.ambiguous.length > 0 || (d.similar !== null && claimsMeant(claims, d).length === 0))
