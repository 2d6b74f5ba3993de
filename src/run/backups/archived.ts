import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import { FROM_ARCHIVE, readKeeping, type Archive, type ArchivedTable } from '../../ledger/history.ts'
import type { LedgerRun, RecordedPlan } from '../../ledger/recorded.ts'
import { recordEvent } from '../../ledger/entries.ts'
import { shown } from '../../plan/model.ts'
import type { PlannedLock } from '../../plan/plan.ts'
import { id, literal, literalOrNull, qualified, type QualifiedName } from '../../sql.ts'
import { backupsOf } from './backups.ts'
import { readClaimed } from './claimed.ts'
import { refuseDisowned } from './disowned.ts'
import { planOf } from './removal-state.ts'
import { row } from '../query.ts'

/** A removal, with its backups under the names that they bear now. */
export interface KeptRemoval {
  readonly removal: LedgerRun
  readonly plan: RecordedPlan
  /** null: the backups have the names that the removal gave them. */
  readonly archive: Archive | null
}

/**
 * Finds the backups of a removal, archived or not.
 *
 * @throws {UnshipError} `backups_purged` where they were dropped.
 */
export async function keptRemoval(db: AnyKysely, removal: LedgerRun): Promise<KeptRemoval> {
  const { archives, purges } = await readKeeping(db)
  const purge = purges.get(removal.id)
  if (purge)
    throw new UnshipError({
      code: 'backups_purged',
      message: `feature ${removal.feature} cannot be restored: its backups were dropped`,
      detail: `${purge.at.slice(0, 10)}${purge.actor === null ? '' : `, by ${purge.actor}`}: ${purge.tables.join(', ')}.`,
      hint: 'A backup of the database from before that day holds them.',
    })
  const plan = planOf(removal)
  const archive = archives.get(removal.id)
  if (!archive) return { removal, plan, archive: null }
  const named = (backup: QualifiedName) =>
    archive.tables.find((t) => t.backup.schema === backup.schema && t.backup.name === backup.name)?.archive ?? backup
  const names = new Map(archive.tables.map((t) => [shown(t.backup), shown(t.archive)]))
  const nameNow = (name: string) => names.get(name) ?? name
  const renamed = <T>(of: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [nameNow(name), value]))
  return {
    removal: {
      ...removal,
      checksums: renamed(removal.checksums),
      sealed_backups: removal.sealed_backups?.map(nameNow) ?? null,
      shapes: removal.shapes && renamed(removal.shapes),
      definitions: removal.definitions && { ...removal.definitions, archived: archive.tables },
    },
    plan: {
      ...plan,
      hosts: plan.hosts.map((host) => ({ ...host, backup: named(host.backup) })),
      moved: plan.moved.map((moved) => ({
        ...moved,
        backup: named(moved.backup),
        ...(moved.under && { under: moved.under.map(named) }),
      })),
    },
    archive,
  }
}

/** Refuses where what has the name of a backup is another feature's, or where the archive cannot be left. */
export async function refuseOtherBackups(db: AnyKysely, { removal, archive }: KeptRemoval): Promise<void> {
  if (archive) await refuseTakenBackupNames(db, removal.feature, archive)
  const supposed = backupsOf(planOf(removal)).map(({ table: backup }) => ({
    ...{ run: removal.id, backup },
    name: archive?.tables.find((t) => qualified(t.backup) === qualified(backup))?.archive ?? backup,
  }))
  await refuseDisowned(db, removal.feature, supposed, 'Nothing was restored.')
}

/** Refuses to take backups from the archive where something else has their names by now. */
async function refuseTakenBackupNames(db: AnyKysely, feature: string, archive: Archive): Promise<void> {
  const taken: QualifiedName[] = []
  for (const { backup } of archive.tables) {
    const { found } = await row<{ found: boolean }>(
      db,
      `select exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = ${literal(backup.schema)} and c.relname = ${literal(backup.name)}) as found`,
    )
    if (found) taken.push(backup)
  }
  if (taken.length === 0) return
  const claimed = await readClaimed(db)
  const found = taken.map((name) => ({ name, of: claimed.find((c) => qualified(c) === qualified(name))?.feature }))
  const others = [...new Set(found.flatMap(({ of }) => of ?? []))]
  throw new UnshipError({
    code: 'name_taken',
    message: `cannot take the backups of feature ${feature} from the archive because something else has their names`,
    detail: found
      .map(({ name, of }) => `relation ${shown(name)} ${of === undefined ? 'exists' : `is a backup of feature ${of}`}.`)
      .join('\n'),
    hint: [
      ...(others.length > 0
        ? [`Archive the backups of feature ${others.join(', ')} (unship archive), which gives them other names.`]
        : []),
      ...(found.some(({ of }) => of === undefined) ? ['Rename what stands there now.'] : []),
      'Nothing was restored.',
    ].join(' '),
  })
}

/** What gives archived backups their names and comments back, in the transaction that adds the columns. */
export function fromArchive(removalId: string, archive: Archive): { locks: PlannedLock[]; statements: string[] } {
  return {
    locks: archive.tables.map(lockArchive),
    statements: [
      ...archive.tables.flatMap(({ backup, archive: name, comment }) => [
        `alter table ${qualified(name)} rename to ${id(backup.name)}`,
        `comment on table ${qualified(backup)} is ${literalOrNull(comment)}`,
      ]),
      recordEvent(removalId, FROM_ARCHIVE),
    ],
  }
}

const lockArchive = ({ archive }: ArchivedTable): PlannedLock => ({
  sql: `lock table only ${qualified(archive)} in access exclusive mode`,
  relation: archive,
})

/** Whether a lock is of a backup that bears its archive's name. */
export const isArchived = (archive: Archive | null, { relation }: PlannedLock): boolean =>
  archive?.tables.some(({ backup }) => backup.schema === relation.schema && backup.name === relation.name) ?? false
