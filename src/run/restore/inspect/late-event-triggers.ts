import type { Environment } from '../../../catalog/environment.ts'
import { UnshipError } from '../../../errors.ts'
import type { LedgerRun } from '../../../ledger/recorded.ts'
import { acknowledged } from './acknowledged.ts'
import type { RunContext } from '../../context.ts'

/** Refuses where event triggers have come since that could abort the restore. */
export function refuseEventTriggers(context: RunContext, removal: LedgerRun, environment: Environment): void {
  const { eventTrigger } = acknowledged(context, removal)
  const unknown = environment.event_triggers.filter((name) => !eventTrigger(name))
  if (unknown.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `event triggers could abort the restore of feature ${context.feature}`,
    detail: unknown.map((name) => `event trigger ${name} fires on DDL.`).join('\n'),
    hint: 'Disable them until the feature is restored, or, if they let it pass, name them under acknowledge.eventTriggers of the declaration. Nothing was restored.',
  })
}
