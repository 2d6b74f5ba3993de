import type { AnyKysely } from '../../any-kysely.ts'
import { declaredNames } from '../../catalog/declared.ts'
import { pluginTranslation } from '../../catalog/resolve.ts'
import { UnshipError } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { claimsAny } from '../../plan/unchanged/same-claims.ts'

/** What is in the database although the ledger says that a feature of its name was removed: that one by hand, or another one. */
export function notRemoved(
  { id, feature: name, plan }: LedgerRun,
  feature: FeatureDeclaration,
  named: AnyKysely,
): UnshipError {
  if (claimsAny(plan?.claims ?? [], declaredNames(feature, pluginTranslation(named))))
    return new UnshipError({
      code: 'wrong_state',
      message: `feature ${name} is in the database although the ledger says it was removed`,
      detail: `Run ${id} removed it, and its backups are still kept.`,
      hint: "If it was restored by hand, record that: update unship.runs set state = 'aborted' where id = that run, and rename its backups.",
    })
  return new UnshipError({
    code: 'wrong_state',
    message: `the name ${name} is taken by another feature, which is removed`,
    detail: `Run ${id} removed it: nothing of it is declared here, and its backups are still kept. A feature is found by its name.`,
    hint: 'Give this declaration a name of its own. Nothing was changed.',
  })
}
