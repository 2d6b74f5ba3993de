import type { AnyKysely } from '../any-kysely.ts'
import { ledgerExists } from './ledger.ts'
import { passTakenNumbers } from './sequences.ts'
import { refuseUntrusted } from './trusted.ts'

/**
 * Refuses where the session's role may not read the ledger, or should not do what it says. Called before anything else is read of it: what
 * the ledger says is what a run does.
 */
export async function demandTrustedLedger(db: AnyKysely): Promise<boolean> {
  const exists = await ledgerExists(db)
  await refuseUntrusted(db)
  return exists
}

/** The same, for what will write to it. */
export async function openLedger(db: AnyKysely): Promise<void> {
  if (await demandTrustedLedger(db)) await passTakenNumbers(db)
}
