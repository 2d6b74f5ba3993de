import type { AnyKysely } from '../../any-kysely.ts'
import { UnshipError } from '../../errors.ts'
import { checkedName } from '../../feature/validate.ts'
import { ARCHIVED, readKeeping, type Archive, type ArchivedTable } from '../../ledger/history.ts'
import { latestRun } from '../../ledger/ledger.ts'
import type { LedgerRun } from '../../ledger/recorded.ts'
import { recordEvent } from '../../ledger/entries.ts'
import { openLedger } from '../../ledger/open.ts'
import { whoAndWhy } from '../../ledger/who.ts'
import { archiveStem } from '../../names.ts'
import { shown } from '../../plan/model.ts'
import { id, literal, qualified, type QualifiedName } from '../../sql.ts'
import { keptRemoval } from './archived.ts'
import { backupsOf } from './backups.ts'
import { checkedOptions } from '../checked-options.ts'
import { RunContext } from '../context.ts'
import { refuseDisowned } from './disowned.ts'
import { freeName, timestampName, todayName } from './kept-names.ts'
import { sayingWhatLedger } from '../ledger-errors.ts'
import type { RunOptions } from '../options.ts'
import { row } from '../query.ts'
import { relationExists } from '../relation-exists.ts'
import { planOf } from './removal-state.ts'
import { runShort } from '../short.ts'
import { withFeatureLock, withSession } from '../session.ts'

export interface ArchiveOptions extends Pick<RunOptions, 'actor' | 'reason' | 'lockTimeoutMs' | 'lockAttempts'> {
  /** The day until which the archives are kept, `2027-01-31`. */
  readonly keepUntil?: string
}

export interface ArchiveReport {
  readonly feature: string
  readonly outcome: 'archived' | 'kept until another day' | 'already archived'
  readonly keepUntil: string | null
  readonly archived: readonly { readonly backup: string; readonly archive: string }[]
}

/**
 * Renames the backups of a removal to `archive_…_YYYY_MM_DD`, with a comment that
 * says what they are. A restore finds them and works as before. Archiving again
 * changes until when they are kept.
 *
 * Locks nothing but the backups, for milliseconds.
 *
 * @throws {UnshipError} `not_archived` where the feature is not removed; `invalid_usage` for a day that is none, or past.
 *
 * @example
 * await archiveBackups(db, programPartner, { keepUntil: '2027-01-31' })
 */
export async function archiveBackups(
  db: AnyKysely,
  feature: { readonly name: string },
  options: ArchiveOptions = {},
): Promise<ArchiveReport> {
  const name = checkedName(feature)
  const checked = checkedOptions(options)
  if (checked.keepUntil !== undefined && !isDay(checked.keepUntil))
    throw wrongDay(name, checked.keepUntil, 'which is no day written YYYY-MM-DD')
  return await sayingWhatLedger(() =>
    withSession(db, async (session) => {
      const context = new RunContext(session, { name }, checked)
      const patience = { attempts: checked.lockAttempts, signal: undefined }
      return await withFeatureLock(session, name, patience, () => archiveLocked(context, checked))
    }),
  )
}

/** The calendar has it: 2027-02-30 is none. */
export const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  new Date(`${text}T00:00:00Z`).toISOString().startsWith(text)

const wrongDay = (feature: string, day: string, what: string) =>
  new UnshipError({
    code: 'invalid_usage',
    message: `the backups of feature ${feature} cannot be kept until "${day}", ${what}`,
    detail: 'purge --due drops archives after their day, as days are counted in UTC.',
    hint: 'Give a day from today on, as 2030-12-31, or none. Nothing was changed.',
  })

async function archiveLocked(context: RunContext, options: ArchiveOptions): Promise<ArchiveReport> {
  const { db, feature } = context
  await openLedger(db)
  const latest = await latestRun(db, feature)
  if (latest?.direction !== 'removal' || latest.state !== 'done')
    throw new UnshipError({
      code: 'not_archived',
      message: `feature ${feature} is not removed, so it has no backups to archive`,
      detail: latest
        ? `Its latest run is ${latest.id}: ${latest.direction}, ${latest.state}.`
        : 'The ledger knows no run of it.',
      hint: 'Backups that a restore has retired are archives already.',
    })
  const today = await todayName(db)
  if (options.keepUntil !== undefined && options.keepUntil < today)
    throw wrongDay(feature, options.keepUntil, `which is past: today is ${today}`)
  const { archive } = await keptRemoval(db, latest)
  const { actor, reason } = whoAndWhy(options)
  const who = { actor, reason }
  if (archive) {
    const keepUntil = options.keepUntil ?? archive.keepUntil
    const changes = keepUntil !== archive.keepUntil
    if (changes) await keepUntilAnotherDay(context, latest, { ...archive, keepUntil, ...who })
    return report(feature, changes ? 'kept until another day' : 'already archived', keepUntil, archive.tables)
  }
  const keepUntil = options.keepUntil ?? null
  const supposed = backupsOf(planOf(latest)).map(({ table }) => ({ run: latest.id, backup: table, name: table }))
  await refuseDisowned(db, feature, supposed, 'Nothing was archived.')
  const tables = await archiveNames(context, latest)
  const archiving = toArchive(latest, { tables, keepUntil, ...who })
  await runShort(context, { phase: 'record', ...archiving })
  return report(feature, 'archived', keepUntil, tables)
}

/** Their comments tell the new day too. */
async function keepUntilAnotherDay(
  context: RunContext,
  removal: LedgerRun,
  { at: _, ...archive }: Archive,
): Promise<void> {
  const there: ArchivedTable[] = []
  for (const table of archive.tables) if (await relationExists(context.db, table.archive)) there.push(table)
  await runShort(context, {
    phase: 'record',
    locks: there.map(({ archive: name }) => ({
      sql: `lock table only ${qualified(name)} in share update exclusive mode`,
      relation: name,
    })),
    statements: [
      ...there.map((table) => commentOn(table, removal, archive)),
      recordEvent(removal.id, ARCHIVED, archive),
    ],
  })
}

/** What gives the backups of a removal their archive names, and comments that say what they are. */
function toArchive(removal: LedgerRun, archive: Omit<Archive, 'at'> & { readonly at?: string }) {
  return {
    locks: archive.tables.map(({ backup }) => ({
      sql: `lock table only ${qualified(backup)} in access exclusive mode`,
      relation: backup,
    })),
    statements: [
      ...archive.tables.flatMap((table) => [
        `alter table ${qualified(table.backup)} rename to ${id(table.archive.name)}`,
        commentOn(table, removal, archive),
      ]),
      recordEvent(removal.id, ARCHIVED, archive),
    ],
  }
}

/**
 * The same for backups that a restore took from the archive, and that is taken back: as they were, until the same day. An
 * archive's name that something else has by now is another one.
 */
export async function backToArchive({ db }: RunContext, removal: LedgerRun) {
  const archive = (await readKeeping(db)).taken.get(removal.id)
  if (!archive) return { locks: [], statements: [] }
  const tables: ArchivedTable[] = []
  for (const { archive: name, ...table } of archive.tables)
    // one that was dropped is missed by the next restore
    if (await relationExists(db, table.backup))
      tables.push({ ...table, archive: { ...name, name: await freeName(db, name.schema, name.name) } })
  return toArchive(removal, { ...archive, tables })
}

async function archiveNames({ db }: RunContext, removal: LedgerRun): Promise<ArchivedTable[]> {
  const day = (await timestampName(db)).slice(0, 'YYYY_MM_DD'.length)
  const tables: ArchivedTable[] = []
  for (const { table } of backupsOf(planOf(removal))) {
    const name = await freeName(db, table.schema, `${archiveStem(table.name)}${day}`)
    tables.push({
      backup: table,
      archive: { schema: table.schema, name },
      comment: await commentOf(db, removal, table),
    })
  }
  return tables
}

async function commentOf(db: AnyKysely, { feature }: LedgerRun, table: QualifiedName): Promise<string | null> {
  const found = await row<{ there: boolean; comment: string | null }>(
    db,
    `select t.oid is not null as there, pg_catalog.obj_description(t.oid, 'pg_class') as comment
     from (select pg_catalog.to_regclass(${literal(qualified(table))})::pg_catalog.oid as oid) t`,
  )
  if (found.there) return found.comment
  throw new UnshipError({
    code: 'backup_changed',
    message: `cannot archive the backups of feature ${feature} because ${shown(table)} is missing`,
    detail: 'A backup was renamed or dropped.',
    hint: 'Give it its name back, or bring it back from a backup of the database. Nothing was archived.',
  })
}

function commentOn(
  { backup, archive }: ArchivedTable,
  removal: LedgerRun,
  { keepUntil, actor, reason }: Pick<Archive, 'keepUntil' | 'actor' | 'reason'>,
): string {
  const { id: runId, feature, finished_at: at } = removal
  const of = backupsOf(planOf(removal)).find(({ table }) => shown(table) === shown(backup))?.of ?? 'Backup'
  const text = [
    `${of}, removed with feature ${feature}${at === null ? '' : ` on ${at.slice(0, 10)}`}`,
    `archived${actor === null ? '' : ` by ${actor}`}${reason === null ? '' : ` (${reason})`}`,
    ...(keepUntil === null ? [] : [`to be kept until ${keepUntil}`]),
    `kysely-unship run ${runId} restores it`,
  ].join('; ')
  return `comment on table ${qualified(archive)} is ${literal(text)}`
}

const report = (
  feature: string,
  outcome: ArchiveReport['outcome'],
  keepUntil: string | null,
  tables: readonly ArchivedTable[],
): ArchiveReport => ({
  feature,
  outcome,
  keepUntil,
  archived: tables.map(({ backup, archive }) => ({ backup: shown(backup), archive: shown(archive) })),
})
