import type { AnyKysely } from '../../any-kysely.ts'
import { foreignKeysOfKeptQuery, invalidIndexesQuery, leftoversQuery, unvalidatedQuery } from '../../catalog/health.ts'
import { readJson } from '../../catalog/read.ts'
import { translated } from '../../catalog/translated.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { latestRun, runById } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { BRING_BACK_PLAN, lackingPlan } from '../../ledger/whole-plan.ts'
import { messageWithoutValues } from '../../server-error.ts'
import { shown } from '../../plan/model.ts'
import { isSameSeal } from '../../plan/data/seal.ts'
import type { QualifiedName } from '../../sql.ts'
import { keptRemoval, type KeptRemoval } from '../backups/archived.ts'
import { readEmptied } from '../backups/emptied.ts'
import { crashEmpties } from '../backups/kept-tables.ts'
import { backupsOf, sealBackups } from '../backups/backups.ts'
import { underWayOrNot, whatNow } from './broke-off.ts'
import { brokenFunctions } from './check-functions.ts'
import { declarationToFind } from '../declaration-for.ts'
import { sayingWhatLedger } from '../ledger-errors.ts'
import { keptReaders } from '../backups/kept-readers.ts'
import { withoutSeal } from '../backups/lost-seals.ts'
import { readStatus, type FeatureStatus } from './read-status.ts'
import { relationExists } from '../relation-exists.ts'
import { refusalOf, restorable } from './restorable-now.ts'
import { isSameLedger } from '../same-ledger.ts'
import { backupChanges } from '../backups/shapes.ts'
import { withSession, type Session } from '../session.ts'
import { demandKysely } from '../usable.ts'
import { readTaken } from '../restore/inspect/taken.ts'
import { refuseForgotten } from '../backups/trust.ts'

/** Something that was looked at. */
export interface HealthCheck {
  /** null: it is not about one feature. */
  readonly feature: string | null
  readonly check: string
  /** A note is no reason for an alarm. */
  readonly result: 'ok' | 'note' | 'problem'
  /** What was found, a line for each. */
  readonly found: readonly string[]
}

/**
 * Looks whether removals and restores have left everything in order: backups against
 * their checksums, names that a restore needs and whatever else it would refuse for, foreign keys, indexes, constraints,
 * parts of unfinished runs, functions that no longer work. Read-only; needs no table
 * of the feature, so it can be asked in every state.
 *
 * @example
 * const problems = (await checkHealth(db)).filter(({ result }) => result === 'problem')
 */
export async function checkHealth(db: AnyKysely, features: readonly FeatureDeclaration[] = []): Promise<HealthCheck[]> {
  demandKysely(db)
  const declared = features.map((feature) => declarationToFind(db, feature))
  const asThere = declared.map((feature) => translated(feature, db))
  const statuses = await readStatus(db, declared)
  return await sayingWhatLedger(() =>
    withSession(db, async (session) => {
      const checks: HealthCheck[] = []
      for (const status of statuses) {
        checks.push(...(await checkFeature(session, status, statuses, asThere)))
        checks.push(...(await checkForgotten(session, status, declared, db)))
      }
      if (!statuses.some(mayRun))
        checks.push(
          problemIf(null, 'no part of an unfinished run is left', [
            ...(await readJson<{ what: string }>(session.db, leftoversQuery(LEDGER_SCHEMA))).map(({ what }) => what),
          ]),
        )
      return [...checks, ...(await brokenFunctions(session, statuses))]
    }),
  )
}

/** A run is under way, as far as this server knows. */
const mayRun = ({ state, active }: FeatureStatus) => (state === 'removing' || state === 'restoring') && active !== false

const standsIn = ({ active, phase }: FeatureStatus) =>
  active === true ? `is under way, in phase "${phase ?? ''}"` : underWayOrNot(phase)

const problemIf = (feature: string | null, check: string, found: readonly string[]): HealthCheck => ({
  feature,
  check,
  result: found.length > 0 ? 'problem' : 'ok',
  found,
})

async function checkFeature(
  session: Session,
  status: FeatureStatus,
  statuses: readonly FeatureStatus[],
  features: readonly FeatureDeclaration[],
): Promise<HealthCheck[]> {
  const { db } = session
  const { feature, state, phase } = status
  const check = (what: string, found: readonly string[]) => problemIf(feature, what, found)
  if (state === 'installed' || state === 'absent' || state === 'incomplete') {
    return [check('all that is declared is there, or nothing', state === 'incomplete' ? [presence(status)] : [])]
  }
  if (state === 'removing' || state === 'restoring')
    return mayRun(status)
      ? [{ feature, check: 'no run broke off', result: 'note', found: [`it ${standsIn(status)}`] }]
      : [check('no run broke off', [`it broke off in phase "${phase ?? ''}": ${whatNow(status)}`])]
  const latest = await latestRun(db, feature)
  const removal = latest?.direction === 'restore' ? await runById(db, latest.removal_id ?? '') : latest
  if (!removal) return []
  const back = check(
    'every declared object is back',
    (status.present?.found ?? 0) < (status.present?.declared ?? 0) ? [presence(status)] : [],
  )
  if (!removal.plan) return [...(state === 'restored' ? [back] : []), withoutPlan(status, removal), ...overdue(status)]
  const kept = status.kept.map(({ name }) => name)
  const ofBackups =
    state === 'removed' || state === 'archived'
      ? [await sealed(db, removal), check('backups are defined as they were kept', await altered(db, removal))]
      : []
  const names =
    state === 'restored'
      ? back
      : check('nothing of it is left, and its names are free', await readTaken(db, removal.plan))
  // a restore would be refused for what these have found
  const mayBegin = ofBackups.length > 0 && [names, ...ofBackups].every(({ result }) => result !== 'problem')
  return [
    names,
    ...ofBackups,
    ...(mayBegin ? [await restorable(session, status, removal, { statuses, features })] : []),
    check('no foreign key leads to or from what is kept', await foreignKeys(db, kept)),
    check('what is kept outlasts a crash', crashEmpties(status.kept)),
    ...(await keptReaders(db, feature, kept)),
    check('no invalid index', await invalidIndexes(db, removal)),
    ...(state === 'restored' ? [check('constraints are validated as before', await unvalidated(db, removal))] : []),
    ...overdue(status),
  ]
}

const presence = ({ present }: FeatureStatus) =>
  `${String(present?.found ?? 0)} of ${String(present?.declared ?? 0)} declared objects are in the database`

/** A removal can only be restored by its plan; after a restore or a purge nothing needs it. */
const withoutPlan = ({ feature, state }: FeatureStatus, removal: LedgerRun): HealthCheck => ({
  ...{ feature, check: 'the ledger has the plan of its removal' },
  result: state === 'removed' || state === 'archived' ? 'problem' : 'note',
  found: [`${lackingPlan(removal)}, and nothing else could be looked at. ${BRING_BACK_PLAN}`],
})

/** Backups of a feature of whose removal the ledger does not know, or not by that name: a restore refuses to say that it never was. */
async function checkForgotten(
  { db }: Session,
  { feature, state }: FeatureStatus,
  features: readonly FeatureDeclaration[],
  named: AnyKysely,
): Promise<HealthCheck[]> {
  const declared = features.find(({ name }) => name === feature)
  if (state !== 'absent' || !declared) return []
  const found = await refusalOf(() => refuseForgotten(db, declared, named))
  return found ? [problemIf(feature, 'the ledger knows what became of it', found.found)] : []
}

async function sealed(db: AnyKysely, run: LedgerRun): Promise<HealthCheck> {
  const { removal, plan } = await keptRemoval(db, run)
  const { lost, never } = withoutSeal(removal, plan)
  const { differing, emptied } = await changed(db, { removal, plan })
  const found = [...differing, ...lost.map((name) => `${name}: its checksum is gone from unship.runs`)]
  const unknown = never.map((name) => `${name}: it was never sealed, so nothing tells whether it has changed`)
  const notes = [...emptied, ...unknown]
  const result = found.length > 0 ? 'problem' : notes.length > 0 ? 'note' : 'ok'
  return { feature: run.feature, check: 'backups match their checksums', result, found: [...found, ...notes] }
}

/** Checksums that differ, and backups that are gone; what a restore only warns of is told apart. */
async function changed(
  db: AnyKysely,
  { removal, plan }: Pick<KeptRemoval, 'removal' | 'plan'>,
): Promise<{ differing: string[]; emptied: string[] }> {
  const sameLedger = await isSameLedger(db, plan)
  const found: string[] = []
  const emptied: string[] = []
  const emptyNow = await readEmptied(db, removal, plan)
  for (const backup of backupsOf(plan)) {
    const name = shown(backup.table)
    const sealed = removal.checksums[name]
    const left = emptyNow.get(name)
    try {
      for (const { checksum } of await sealBackups(db, [backup], { earlier: removal.checksums }))
        if (sealed === undefined || isSameSeal(sealed, checksum, sameLedger)) continue
        else if (left && isSameSeal(left.seal, checksum, sameLedger)) emptied.push(...left.told)
        else found.push(`${name}: sealed as ${sealed}, now ${checksum} (rows:checksum)`)
    } catch (error) {
      found.push(`${name}: ${messageWithoutValues(error)}`)
    }
  }
  return { differing: found, emptied }
}

/** What a restore would refuse, or bring back otherwise than it was. */
async function altered(db: AnyKysely, run: LedgerRun): Promise<readonly string[]> {
  const { removal, plan } = await keptRemoval(db, run)
  for (const { table } of backupsOf(plan))
    // the checksums have told of it
    if (!(await relationExists(db, table))) return []
  return (await backupChanges(db, removal, plan)).changes
}

async function foreignKeys(db: AnyKysely, kept: readonly QualifiedName[]): Promise<string[]> {
  if (kept.length === 0) return []
  const keys = await readJson<{ name: string; table: string }>(db, foreignKeysOfKeptQuery(kept))
  return keys.map(({ name, table }) => `${name} of ${table}`)
}

const tablesOf = ({ plan }: LedgerRun): QualifiedName[] => [
  ...(plan?.hosts.map(({ table }) => table) ?? []),
  ...(plan?.moved.map(({ table }) => table) ?? []),
]

async function invalidIndexes(db: AnyKysely, removal: LedgerRun): Promise<string[]> {
  const tables = tablesOf(removal)
  if (tables.length === 0) return []
  const indexes = await readJson<{ name: string; table: string }>(db, invalidIndexesQuery(tables))
  return indexes.map(({ name, table }) => `${name} of ${table}`)
}

/** Constraints that were validated before the removal, and are not now. */
async function unvalidated(db: AnyKysely, removal: LedgerRun): Promise<string[]> {
  const tables = tablesOf(removal)
  if (tables.length === 0) return []
  const before = removal.plan?.described ?? {}
  const found = await readJson<{ identity: string }>(db, unvalidatedQuery(tables))
  return found.flatMap(({ identity }) => {
    const was = before[`constraint ${identity}`] as { validated?: boolean } | undefined
    return was?.validated === true ? [identity] : []
  })
}

function overdue({ feature, kept }: FeatureStatus): HealthCheck[] {
  const today = new Date().toISOString().slice(0, 10)
  const past = kept.filter(({ keepUntil, bytes }) => bytes !== null && keepUntil !== null && keepUntil < today)
  if (past.length === 0) return []
  const found = past.map(({ table, keepUntil }) => `${table} was to be kept until ${keepUntil ?? ''}: unship purge`)
  return [{ feature, check: 'nothing is kept past its day', result: 'note', found }]
}
