import { shown } from './model.ts'
import type { MovedPlan, PlannedLock, Statement } from './plan.ts'

/** A short transaction in two: what is done before the locks that others wait for, and what under them. */
export interface TwoPart<S> {
  readonly ahead: { readonly locks: readonly PlannedLock[]; readonly statements: readonly S[] }
  readonly locks: readonly PlannedLock[]
  readonly statements: readonly S[]
}

/**
 * The first statements that lock no table, or only backups, which nobody uses, need not wait for the locks of other tables:
 * whoever waits for these waits the less.
 */
export function aheadOfLocks<S extends Pick<Statement, 'lock' | 'relations'>>(
  statements: readonly S[],
  locks: readonly PlannedLock[],
  moved: readonly MovedPlan[],
): TwoPart<S> {
  const backups = new Set(moved.map(({ backup }) => shown(backup)))
  const concernsOthers = ({ lock, relations }: S) =>
    relations.length === 0 ? lock !== null : !relations.every((r) => backups.has(r))
  const first = statements.findIndex(concernsOthers)
  const at = first < 0 ? statements.length : first
  const ofBackups = ({ relation }: PlannedLock) => backups.has(shown(relation))
  return {
    ahead: { locks: locks.filter(ofBackups), statements: statements.slice(0, at) },
    locks: locks.filter((lock) => !ofBackups(lock)),
    statements: statements.slice(at),
  }
}
