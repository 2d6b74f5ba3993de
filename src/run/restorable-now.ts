import { readEnvironment } from '../catalog/environment.ts'
import { UnshipError, type UnshipErrorCode } from '../errors.ts'
import type { FeatureDeclaration } from '../feature.ts'
import type { LedgerRun } from '../ledger/ledger.ts'
import { demandTrustedLedger } from '../ledger/open.ts'
import { keptRemoval, refuseOtherBackups } from './archived.ts'
import { checkedOptions } from './checked-options.ts'
import { RunContext } from './context.ts'
import { inspectRestore } from './inspect-restore.ts'
import type { Session } from './session.ts'

/** What a restore would be refused with now. */
export interface WouldRefuse {
  readonly code: UnshipErrorCode
  readonly found: readonly string[]
}

/**
 * Asks what a restore asks before it changes anything, but for the backups' checksums. On a server that takes no writes nothing is
 * asked: there no restore begins in any case.
 */
export async function wouldRefuse(
  session: Session,
  feature: Pick<FeatureDeclaration, 'name' | 'acknowledge'>,
  run: LedgerRun,
): Promise<WouldRefuse | null> {
  const { db } = session
  const { read_only, in_recovery } = await readEnvironment(db)
  if (read_only || in_recovery) return null
  return await refusalOf(async () => {
    await demandTrustedLedger(db)
    const kept = await keptRemoval(db, run)
    await refuseOtherBackups(db, kept)
    await inspectRestore(new RunContext(session, feature, checkedOptions({})), kept.removal, kept.plan, {
      sealed: true,
    })
  })
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
