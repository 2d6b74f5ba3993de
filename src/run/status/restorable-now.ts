import type { AnyKysely } from '../../any-kysely.ts'
import { readEnvironment } from '../../catalog/environment.ts'
import { UnshipError, type UnshipErrorCode } from '../../errors.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { demandTrustedLedger } from '../../ledger/open.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { keptRemoval, refuseOtherBackups } from '../backups/archived.ts'
import type { HealthCheck } from './check-health.ts'
import { onlyLooking } from '../definitions-patiently.ts'
import { inspectRestore } from '../restore/inspect/inspect-restore.ts'
import { row } from '../query.ts'
import { mayComeFirst } from '../restore/inspect/removed-since.ts'
import type { FeatureStatus } from './read-status.ts'
import type { Session } from '../session.ts'

/** What a restore would be refused with now. */
export interface WouldRefuse {
  readonly code: UnshipErrorCode
  readonly found: readonly string[]
}

const CHECK = 'a restore would find what it needs'

/**
 * Asks what a restore asks before it changes anything, but for the backups' checksums. On a server that takes no writes nothing is
 * asked: there no restore begins in any case.
 *
 * Missing rights are those of whoever asks, who may be another role than the one that removed; a feature that was removed since may have
 * to be restored first.
 */
export async function restorable(
  session: Session,
  { feature, run }: FeatureStatus,
  removal: LedgerRun,
  all: { readonly statuses: readonly FeatureStatus[]; readonly features: readonly FeatureDeclaration[] },
): Promise<HealthCheck> {
  const { db } = session
  const { read_only, in_recovery } = await readEnvironment(db)
  if (read_only || in_recovery)
    return { feature, check: CHECK, result: 'note', found: ['not asked: the server, or this role, takes no writes'] }
  const declared = all.features.find(({ name }) => name === feature) ?? removal.declaration
  const context = onlyLooking(session, { ...declared, name: feature })
  const refusal = await refusalOf(async () => {
    await demandTrustedLedger(db)
    const kept = await keptRemoval(db, removal)
    await refuseOtherBackups(db, kept)
    await inspectRestore(context, kept.removal, kept.plan, { sealed: true })
  })
  if (!refusal) {
    const { warnings } = context
    return { feature, check: CHECK, result: warnings.length > 0 ? 'note' : 'ok', found: warnings }
  }
  const rights = ['missing_privilege', 'not_owner'].includes(refusal.code)
  const since = all.statuses.filter(
    (s) => ['removed', 'archived', 'purged'].includes(s.state) && Number(s.run?.id) > Number(run?.id),
  )
  const first = since.map((s) => mayComeFirst(s.feature))
  const note = since.length > 0 || (rights && !(await isSameRole(db, removal)))
  return {
    ...{ feature, check: CHECK, result: note ? 'note' : 'problem' },
    // the refusal may have told of them too
    found: [...refusal.found.filter((line) => !first.some((l) => line === `${l}.`)), ...first],
  }
}

/** Whoever asks acts in the role that removed it. */
async function isSameRole(db: AnyKysely, { id }: LedgerRun): Promise<boolean> {
  const { same } = await row<{ same: boolean }>(
    db,
    `select acting_role = current_user as same from ${LEDGER_SCHEMA}.runs where id = ${id}`,
  )
  return same
}

/** What work refuses with, where it does. */
export async function refusalOf(work: () => Promise<void>): Promise<WouldRefuse | null> {
  try {
    await work()
    return null
  } catch (error) {
    if (!(error instanceof UnshipError)) throw error
    return { code: error.code, found: [error.primary, ...(error.detail?.split('\n') ?? [])] }
  }
}
