import type { LedgerStatement } from '../../ledger/recorded.ts'
import type { Phase, RestorePhase } from '../../plan/plan.ts'

/** The phases of a restore, in their order. */
const RESTORE_ORDER: readonly Phase[] = [
  ...(['add', 'fill', 'build', 'verify', 'reveal', 'validate', 'record'] satisfies RestorePhase[]),
]

export const isBefore = (a: Phase, b: Phase): boolean => RESTORE_ORDER.indexOf(a) < RESTORE_ORDER.indexOf(b)

export const earlier = (a: Phase, b: Phase): Phase => (isBefore(a, b) ? a : b)

/**
 * Where a restore that broke off in a phase goes on, and what it runs then: materialized views that it had built are built again, and what
 * follows them.
 */
export function goingOn(
  phase: Phase,
  statements: readonly LedgerStatement[],
): { readonly from: Phase; readonly statements: readonly LedgerStatement[] } {
  const view = isBefore(phase, 'reveal') ? statements.find((s) => s.action === 'materialized view') : undefined
  if (!view?.done) return { from: phase, statements }
  return {
    from: earlier(phase, 'build'),
    statements: statements.map((s) => (s.position < view.position ? s : { ...s, done: false })),
  }
}
