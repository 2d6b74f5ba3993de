import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { readDeclared } from '../../catalog/resolve.ts'
import type { FeatureDeclaration } from '../../feature.ts'
import { readRuns, type Archive, type Purge, type RunRecord } from '../../ledger/history.ts'
import { lackingPlan } from '../../ledger/whole-plan.ts'
import type { Phase } from '../../plan/plan.ts'
import { readKept, type Kept, type KeptTable } from '../backups/kept-tables.ts'
import { declarationToFind } from '../declaration-for.ts'
import { sayingWhatLedger } from '../ledger-errors.ts'
import { featureLockKey, withSession } from '../session.ts'

export type FeatureState =
  /** It is in the database, and was never removed. */
  | 'installed'
  /** Only a part of what is declared is there. */
  | 'incomplete'
  /** It is not in the database, and was not removed from it. */
  | 'absent'
  | 'removing'
  | 'removed'
  /** Removed; its backups bear their archive names. */
  | 'archived'
  /** Removed, and its backups were dropped: no restore. */
  | 'purged'
  | 'restoring'
  | 'restored'

/** Where a feature stands, by the ledger and by what the database holds. */
export interface FeatureStatus {
  readonly feature: string
  readonly state: FeatureState
  /** Of a removal or restore that is under way, or broke off. */
  readonly phase: Phase | null
  /** Whether a session runs it at this moment; null where nothing is under way, and on a standby, which cannot know. */
  readonly active: boolean | null
  /** A removal that abortRemoval takes back, or a restore by which it has begun to. */
  readonly abortable: boolean
  /** What of its declaration is in the database; null where no declaration is known. */
  readonly present: { readonly found: number; readonly declared: number } | null
  /** The run that made it so, and who, when and why. */
  readonly run: {
    readonly id: string
    readonly direction: 'removal' | 'restore'
    readonly startedAt: string
    readonly finishedAt: string | null
    readonly role: string
    readonly actor: string | null
    readonly reason: string | null
    readonly build: string | null
    readonly packageVersion: string
  } | null
  readonly archived: Pick<Archive, 'at' | 'keepUntil' | 'actor' | 'reason'> | null
  readonly purged: Pick<Purge, 'at' | 'actor'> | null
  readonly kept: readonly KeptTable[]
  /** What the ledger has lost of the run's plan, without which it can neither be restored nor told what is kept; null: nothing. */
  readonly damaged: string | null
}

/**
 * Tells where every feature stands that the ledger knows, and those that are
 * given: installed, removed, in the middle of a phase, restored, archived, purged;
 * by whom, when and why; what is kept and how large it is. Read-only; locks nothing
 * but the catalogs.
 *
 * @throws {UnshipError} `missing_privilege` where the role may not read the ledger.
 *
 * @example
 * for (const { feature, state, phase, active } of await readStatus(db)) console.log(feature, state, phase, active)
 */
export async function readStatus(
  db: AnyKysely,
  features: readonly FeatureDeclaration[] = [],
): Promise<FeatureStatus[]> {
  const declared = features.map((feature) => declarationToFind(db, feature))
  return await sayingWhatLedger(() =>
    withSession(db, async (session) => {
      const runs = await readRuns(session.db)
      const kept = await readKept(session.db, runs)
      const names = [...new Set([...runs.map((run) => run.feature), ...declared.map((feature) => feature.name)])]
      const statuses: FeatureStatus[] = []
      for (const name of names) {
        const own = runs.filter((run) => run.feature === name)
        const declaration =
          declared.find((feature) => feature.name === name) ??
          own.findLast((run) => run.declaration)?.declaration ??
          null
        const present = declaration && (await presence(session.db, declaration, db))
        const run = own.findLast(({ state }) => state !== 'aborted')
        const active = run?.state === 'running' ? await isActive(session.db, name) : null
        statuses.push(statusOf(name, run, { present, active, kept }))
      }
      return statuses
    }),
  )
}

function statusOf(
  feature: string,
  run: RunRecord | undefined,
  { present, active, kept }: { present: FeatureStatus['present']; active: boolean | null; kept: Kept },
): FeatureStatus {
  const removal = run?.direction === 'removal' ? run.id : (run?.removal_id ?? '')
  const archive = kept.archives.get(removal)
  const purge = run?.direction === 'removal' ? kept.purges.get(removal) : undefined
  return {
    feature,
    state: stateOf(run, present, { archived: archive !== undefined, purged: purge !== undefined }),
    phase: run?.state === 'running' ? run.phase : null,
    active,
    abortable: run?.state === 'running' && (run.direction === 'removal' || run.plan?.takesBack === true),
    present,
    run:
      run && run.state !== 'absent'
        ? {
            id: run.id,
            direction: run.direction,
            startedAt: run.started_at,
            finishedAt: run.finished_at,
            role: run.session_role,
            actor: run.actor,
            reason: run.reason,
            build: run.build,
            packageVersion: run.package_version,
          }
        : null,
    archived: archive
      ? { at: archive.at, keepUntil: archive.keepUntil, actor: archive.actor, reason: archive.reason }
      : null,
    purged: purge ? { at: purge.at, actor: purge.actor } : null,
    kept: kept.tables.filter((table) => table.feature === feature),
    damaged:
      kept.damaged
        .filter((r) => r.feature === feature)
        .map(lackingPlan)
        .join('; ') || null,
  }
}

function stateOf(
  run: RunRecord | undefined,
  present: FeatureStatus['present'],
  { archived, purged }: { archived: boolean; purged: boolean },
): FeatureState {
  if (!run || run.state === 'absent') {
    if (present === null || present.found === 0) return 'absent'
    return present.found === present.declared ? 'installed' : 'incomplete'
  }
  if (run.state === 'running') return run.direction === 'removal' ? 'removing' : 'restoring'
  if (run.direction === 'restore') return 'restored'
  return purged ? 'purged' : archived ? 'archived' : 'removed'
}

async function presence(
  db: AnyKysely,
  feature: FeatureDeclaration,
  named: AnyKysely,
): Promise<{ found: number; declared: number }> {
  const names = await readDeclared(db, feature, named)
  return { found: names.filter(({ found }) => found !== null).length, declared: names.length }
}

/** A run holds the feature's advisory lock for as long as its session lives. */
export const isActive = (db: AnyKysely, feature: string): Promise<boolean | null> =>
  isLockHeld(db, featureLockKey(feature))

/** Whether a session holds an advisory lock; a standby has no part in the primary's. */
export async function isLockHeld(db: AnyKysely, key: string): Promise<boolean | null> {
  const [found] = await readJson<{ active: boolean | null }>(
    db,
    `select case when not pg_catalog.pg_is_in_recovery() then exists (
       select from pg_catalog.pg_locks l
       where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
         and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
         and (l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8 = ${key}) end as active`,
  )
  return found?.active ?? null
}
