import type { AnyKysely } from '../any-kysely.ts'
import { declaredNames } from '../catalog/declared.ts'
import { pluginTranslation } from '../catalog/resolve.ts'
import { UnshipError } from '../errors.ts'
import type { FeatureDeclaration } from '../feature.ts'
import type { LedgerRun } from '../ledger/recorded.ts'

/**
 * The ledger knows a feature by its name. A declaration whose objects are all in other schemas than the recorded ones is that of
 * another feature, as of another tenant: it must not be told that it is removed, nor be given the other's back. Names may have
 * come to be spelled otherwise since, and a bare name asks for whatever is recorded.
 */
export function refuseOtherSchema(latest: LedgerRun, feature: FeatureDeclaration, named: AnyKysely): void {
  const { plan } = latest
  const schema = feature.schema ?? 'public'
  if (!plan || plan.schema === schema) return
  const recorded = new Set(plan.claims.map((claim) => claim.schema))
  const declared = declaredNames(feature, pluginTranslation(named))
  if (recorded.size === 0 || declared.length === 0 || declared.some((d) => recorded.has(d.schema))) return
  throw new UnshipError({
    code: 'wrong_state',
    message: `the ledger knows feature ${feature.name} in schema ${[...recorded].join(', ')}, and the declaration means schema ${[...new Set(declared.map((d) => d.schema))].join(', ')}`,
    detail: `Run ${latest.id}: ${latest.direction}, ${latest.state}. A feature is found by its name, whichever schema it is in.`,
    hint: 'Give each a feature name of its own; or, where the schema was renamed, give it its name back. Nothing was changed.',
  })
}
