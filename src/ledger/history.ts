import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { literal, type QualifiedName } from '../sql.ts'
import { ledgerExists } from './ledger.ts'
import type { LedgerRun } from './recorded.ts'
import { LEDGER_SCHEMA } from './schema.ts'
import { withWholePlan } from './whole-plan.ts'

/** A run with who, why and what came of it. */
export interface RunRecord extends Pick<LedgerRun, 'id' | 'feature' | 'direction' | 'phase' | 'state' | 'removal_id'> {
  readonly started_at: string
  readonly finished_at: string | null
  readonly session_role: string
  readonly actor: string | null
  readonly reason: string | null
  readonly build: string | null
  readonly package_version: string
  readonly declaration: FeatureDeclaration | null
  readonly counts: LedgerRun['counts']
  readonly checksums: LedgerRun['checksums']
  readonly error: string | null
  readonly plan: LedgerRun['plan']
  readonly plan_lacks: LedgerRun['plan_lacks']
  readonly report: {
    readonly backups?: readonly { readonly table: string; readonly rows: number }[]
    readonly retired?: readonly { readonly backup: string; readonly became: string }[]
    readonly hosts?: readonly { readonly table: string; readonly deleted: number }[]
    readonly setAside?: readonly {
      readonly table: string
      readonly kept: string
      readonly rows: number
      readonly reason: string
    }[]
    readonly phases?: readonly {
      readonly phase: string
      readonly durationMs: number
      readonly lockHeldMs: number | null
    }[]
    readonly warnings?: readonly string[]
  }
}

/** Every run of every feature, or of one, the oldest first. */
export async function readRuns(db: AnyKysely, feature?: string): Promise<RunRecord[]> {
  if (!(await ledgerExists(db))) return []
  const read = await readJson<Omit<RunRecord, 'plan_lacks'>>(
    db,
    `select r.id::text as id, r.feature, r.direction, r.phase, r.state, r.removal_id::text as removal_id, r.started_at, r.finished_at,
       r.session_role, r.actor, r.reason, r.build, r.package_version, r.declaration, r.counts, r.checksums, r.error, r.plan, r.report
     from ${LEDGER_SCHEMA}.runs r${feature === undefined ? '' : ` where r.feature = ${literal(feature)}`} order by r.id`,
  )
  return read.map(withWholePlan)
}

/** The names under which a removal's backups are kept. */
export interface Archive {
  readonly at: string
  readonly tables: readonly ArchivedTable[]
  /** `2027-01-31`; null: nobody has said for how long. */
  readonly keepUntil: string | null
  readonly actor: string | null
  readonly reason: string | null
}

export interface ArchivedTable {
  /** The name that the removal gave it. */
  readonly backup: QualifiedName
  readonly archive: QualifiedName
  /** What it bore before, to be put back with its name. */
  readonly comment: string | null
}

export interface Purge {
  readonly at: string
  readonly tables: readonly string[]
  readonly actor: string | null
}

export const ARCHIVED = 'archived'
export const FROM_ARCHIVE = 'taken from the archive'
export const PURGED = 'purged'

/** What became of the tables that runs kept, by run; `taken` are archives that a restore gave their backups' names back. */
export async function readKeeping(
  db: AnyKysely,
): Promise<{ archives: Map<string, Archive>; taken: Map<string, Archive>; purges: Map<string, Purge> }> {
  const events = await readJson<{ run: string; at: string; event: string; detail: unknown }>(
    db,
    `select e.run_id::text as run, e.at, e.event, e.detail from ${LEDGER_SCHEMA}.events e
     where e.event in ('${ARCHIVED}', '${FROM_ARCHIVE}', '${PURGED}') order by e.id`,
  )
  const archives = new Map<string, Archive>()
  const taken = new Map<string, Archive>()
  const purges = new Map<string, Purge>()
  for (const { run, at, event, detail } of events) {
    if (event === ARCHIVED) {
      archives.set(run, { at, ...(detail as Omit<Archive, 'at'>) })
      taken.delete(run)
    } else if (event === FROM_ARCHIVE) {
      const archive = archives.get(run)
      if (archive) taken.set(run, archive)
      archives.delete(run)
    } else {
      const purge = detail as Omit<Purge, 'at'>
      purges.set(run, { at, ...purge, tables: [...(purges.get(run)?.tables ?? []), ...purge.tables] })
    }
  }
  return { archives, taken, purges }
}
