import type { ArgsDef } from 'citty'
import type { RunOptions } from '../run/options.ts'
import { text, type Arguments } from './command.ts'

/** Who and why, for the ledger. */
export const actorArgs = {
  actor: { type: 'string', valueHint: 'name', description: 'Who, for the ledger; otherwise UNSHIP_ACTOR' },
  reason: { type: 'string', valueHint: 'text', description: 'Why, for the ledger; otherwise UNSHIP_REASON' },
} as const satisfies ArgsDef

export function runOptions(args: Arguments): Pick<RunOptions, 'actor' | 'reason'> {
  const actor = text(args, 'actor')
  const reason = text(args, 'reason')
  return { ...(actor !== undefined && { actor }), ...(reason !== undefined && { reason }) }
}
