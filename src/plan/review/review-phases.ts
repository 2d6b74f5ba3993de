import { aheadOfLocks } from '../ahead.ts'
import { againstDefinitions } from '../locks.ts'
import type { MovedPlan, PlannedLock, RemovalPlan, RemovalPhase, RestorePhase, Statement } from '../plan.ts'
import { qualified, type QualifiedName } from '../../sql.ts'
import { shown } from '../model.ts'
import type { Held, ReviewPhase, ReviewStatement } from './review.ts'
import { isLongReveal, type Rewrites } from '../rewrites.ts'

const REMOVAL: Readonly<Record<RemovalPhase, string>> = {
  watch: 'begins to log the keys of rows whose values change',
  copy: 'copies what the columns hold, in one snapshot',
  verify: 'catches up, and compares the copies with what was read',
  'cut over': 'copies the last changes, then renames and drops, all at once',
  record: 'seals the backups with checksums',
}

const RESTORE: Readonly<Record<RestorePhase, string>> = {
  add: 'adds the columns under hidden names',
  fill: 'fills them in batches, without firing triggers',
  build: 'builds indexes concurrently, analyzes',
  verify: 'compares the filled columns with the backups',
  reveal: 'gives everything its own name again, all at once',
  validate: 'validates constraints',
  record: 'compares definitions with those from before, retires the backups',
}

/** What a plan's phases lock, and for how long. */
type Planned = Pick<RemovalPlan, 'locks' | 'hosts' | 'moved'> & { readonly rewrites?: Rewrites }

export function reviewStatements(
  statements: readonly (Statement & { readonly done?: boolean })[],
  { rewrites, locks }: Pick<Planned, 'rewrites' | 'locks'>,
): ReviewStatement[] {
  const known = knownTo(locks)
  return statements.map((statement, index) => ({
    n: index + 1,
    phase: statement.phase,
    action: statement.action,
    sql: statement.sql,
    reason: statement.reason,
    ...lockOf(statement, known),
    held: heldFor(statement, rewrites),
    ...(statement.done !== undefined && { done: statement.done }),
  }))
}

const knownTo = ({ cutOver, add, reveal }: Planned['locks']): QualifiedName[] =>
  [...cutOver, ...add, ...reveal].map(({ relation }) => relation)

/** A statement that names no relation is about one of those that the transaction has locked, or about none. */
function lockOf(
  { sql, lock, relations }: Statement,
  known: readonly QualifiedName[],
): Pick<ReviewStatement, 'lock' | 'relations'> {
  if (lock === null || relations.length > 0) return { lock, relations }
  const named = known.find((relation) => sql.includes(qualified(relation)))
  return named ? { lock, relations: [shown(named)] } : { lock: null, relations: [] }
}

function heldFor({ phase, lock }: Pick<Statement, 'phase' | 'lock'>, rewrites: Rewrites | undefined): Held {
  switch (phase) {
    case 'watch':
    case 'cut over':
      return 'milliseconds'
    case 'add':
      return rewrites?.add ? 'as long as it takes' : 'milliseconds'
    case 'reveal':
      return isLongReveal(rewrites) ? 'as long as it takes' : 'milliseconds'
    case 'build':
      return lock === 'ACCESS EXCLUSIVE' ? 'milliseconds' : 'online'
    case 'validate':
      return lock === 'ACCESS EXCLUSIVE' ? 'as long as it takes' : 'online'
    default:
      return 'online'
  }
}

export function removalPhases(plan: Planned, statements: readonly Statement[]): ReviewPhase[] {
  const hosts = plan.hosts.map((host) => shown(host.table))
  const backups = [...plan.hosts, ...plan.moved].map(({ backup }) => shown(backup))
  const locked = names(plan.locks.cutOver)
  const phase = phaser<RemovalPhase>(REMOVAL, statements, plan.rewrites)
  return [
    phase('watch', 'ACCESS EXCLUSIVE', locked, plan.locks.cutOver),
    phase('copy', 'ACCESS SHARE', hosts),
    phase(
      'verify',
      'ACCESS SHARE',
      plan.hosts.map(({ backup }) => shown(backup)),
    ),
    withWeakLocks(phase('cut over', 'ACCESS EXCLUSIVE', locked, plan.locks.cutOver, []), plan.locks.cutOver),
    phase('record', 'ACCESS SHARE', backups),
  ]
}

export function restorePhases(plan: Planned, statements: readonly Statement[]): ReviewPhase[] {
  const hosts = plan.hosts.map((host) => shown(host.table))
  const of = (name: RestorePhase) => statements.filter((s) => s.phase === name)
  const phase = phaser<RestorePhase>(RESTORE, statements, plan.rewrites)
  const momentary = of('build').filter((s) => s.lock === 'ACCESS EXCLUSIVE')
  const validated = [...new Set(of('validate').flatMap((s) => lockOf(s, knownTo(plan.locks)).relations))]
  const underLock = of('validate').some((s) => s.lock === 'ACCESS EXCLUSIVE')
  return [
    phase('add', 'ACCESS EXCLUSIVE', names(plan.locks.add), plan.locks.add),
    phase('fill', 'ROW EXCLUSIVE', hosts),
    momentary.length > 0
      ? { ...phase('build', 'ACCESS EXCLUSIVE', names(plan.locks.add)), held: 'milliseconds' }
      : phase('build', 'SHARE UPDATE EXCLUSIVE', hosts),
    phase('verify', 'ACCESS SHARE', hosts),
    phase('reveal', 'ACCESS EXCLUSIVE', names(plan.locks.reveal), plan.locks.reveal, plan.moved),
    {
      ...phase('validate', underLock ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE', validated),
      held: underLock ? 'as long as it takes' : 'online',
    },
    phase(
      'record',
      'ACCESS EXCLUSIVE',
      plan.hosts.map(({ backup }) => shown(backup)),
    ),
  ]
}

/** Preceded by those that keep DDL out while the catalog is compared. */
function withWeakLocks(phase: ReviewPhase, locks: readonly PlannedLock[]): ReviewPhase {
  const weak = againstDefinitions(locks).map(({ sql }) => sql)
  return { ...phase, locks: [...weak, ...phase.locks], ahead: { ...phase.ahead, locks: weak.length } }
}

const names = (locks: readonly PlannedLock[]) => locks.map(({ relation }) => shown(relation))

function phaser<P extends RemovalPhase | RestorePhase>(
  what: Readonly<Record<P, string>>,
  statements: readonly Statement[],
  rewrites: Rewrites | undefined,
) {
  return (
    phase: P,
    lock: ReviewPhase['lock'],
    relations: readonly string[],
    locks: readonly PlannedLock[] = [],
    moved: readonly MovedPlan[] | null = null,
  ): ReviewPhase => {
    const own = statements.filter((s) => s.phase === phase)
    const parts = moved ? aheadOfLocks(own, locks, moved) : null
    const ordered = parts ? [...parts.ahead.locks, ...parts.locks] : locks
    return {
      phase,
      what: what[phase],
      statements: own.length,
      lock,
      relations,
      held: heldFor({ phase, lock }, rewrites),
      locks: ordered.map(({ sql }) => sql),
      ahead: { locks: parts?.ahead.locks.length ?? 0, statements: parts?.ahead.statements.length ?? 0 },
    }
  }
}
