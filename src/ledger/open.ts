import type { AnyKysely } from '../any-kysely.ts'
import { ledgerExists } from './ledger.ts'
import { refuseUntrusted } from './trusted.ts'

/**
 * Refuses where the session's role may not read the ledger, or should not do what it says. Called before anything else is read of it: what
 * the ledger says is what a run does.
 */
export async function demandTrustedLedger(db: AnyKysely): Promise<void> {
  await ledgerExists(db)
  await refuseUntrusted(db)
}
