import { sql } from 'kysely'
import type { Migration, MigrationProvider, MigratorProps } from 'kysely/migration'
import type { AnyKysely } from './any-kysely.ts'
import { withinMigration } from './current-migration.ts'
import { UnshipError } from './errors.ts'
import { isFeature } from './feature.ts'
import { runsInEffect } from './ledger/ledger.ts'
import type { LedgerRun } from './ledger/recorded.ts'
import { isTold, readRecords, whichTables, type MigrationRecord, type RecordSettings } from './migration-record.ts'
import { featureLockKey, withSession } from './run/session.ts'
import { qualified } from './sql.ts'

/**
 * Migrations that `migrate:down` cannot undo by mistake.
 *
 * Kysely records a migration when its `up` has returned, and `migrate:down` undoes the last one on
 * record: after a removal that broke off, the one before it. Here every `down` first looks into the
 * ledger, and refuses while the removal of another migration, or what takes it back, is unfinished or not on Kysely's record.
 *
 * Where the configuration sets `migrationTableSchema` or `migrationTableName`, give them here too. Without them the
 * record is found by its form, and by the migration that is undone, which is the last on it; where copies of a record leave a
 * doubt, `down` refuses.
 *
 * Locks nothing.
 *
 * @throws {UnshipError} `wrong_state` from such a `down`, before it begins.
 *
 * @example
 * provider: guardMigrations(new TSFileMigrationProvider({ migrationFolder }))
 *
 * @example
 * const record = { migrationTableSchema: 'migrations' }
 * // …
 * migrations: { ...record, provider: guardMigrations(new TSFileMigrationProvider({ migrationFolder }), record) }
 */
export function guardMigrations(
  provider: MigrationProvider,
  record: Pick<MigratorProps, 'migrationTableName' | 'migrationTableSchema'> = {},
): MigrationProvider {
  return {
    async getMigrations() {
      const migrations = await provider.getMigrations()
      const guarded = Object.entries(migrations).map(([name, migration]): [string, Migration] => {
        // a provider hands on a default export alone, without a feature beside it: the ledger keeps whose removal it is
        const up = (db: AnyKysely) => withinMigration(name, () => migration.up(db))
        if (!migration.down) return [name, { ...migration, up }]
        const afterLooking = async (db: AnyKysely) => {
          await refuseForBrokenUp(db, { undone: name, migrations, told: isTold(record) }, record)
          await migration.down?.(db)
        }
        return [name, { ...migration, up, down: afterLooking }]
      })
      return Object.fromEntries(guarded)
    },
  }
}

/** A migration that is to be undone, among all. */
interface Undoing {
  readonly undone: string
  readonly migrations: Readonly<Record<string, Migration>>
  /** The project has said where Kysely keeps its record. */
  readonly told: boolean
}

const featuresOf = (migration: Migration | undefined): string[] =>
  Object.values(migration ?? {}).flatMap((value) => (isFeature(value) ? [value.name] : []))

async function refuseForBrokenUp(db: AnyKysely, undoing: Undoing, record: RecordSettings): Promise<void> {
  // found on the search_path as it is outside of our session
  const tables = await whichTables(db, record)
  await withSession(db, async (session) => {
    const others = (await runsInEffect(session.db)).filter((run) => !removersOf(run, undoing).includes(undoing.undone))
    // most often there is none
    const records = others.length > 0 ? await readRecords(session.db, tables, undoing.undone) : []
    for (const run of others) await refuseFor(session.db, run, undoing, records)
  })
}

/** The migrations that may have removed the feature of a run: those that export it, and the one that the ledger names. */
const removersOf = ({ feature, migration }: LedgerRun, { migrations }: Undoing): string[] =>
  Object.keys(migrations).filter((name) => name === migration || featuresOf(migrations[name]).includes(feature))

async function refuseFor(
  db: AnyKysely,
  run: LedgerRun,
  undoing: Undoing,
  records: readonly MigrationRecord[],
): Promise<void> {
  const { feature, state, direction, plan } = run
  // the restore of a migration that is on record may be gone on with by its own "down"
  const unfinished = direction === 'removal' || plan?.takesBack === true
  const stands = state === 'running' ? await howItStands(db, feature) : undefined
  if (stands !== undefined && unfinished) throw notUndone(run, undoing, stands)
  for (const name of removersOf(run, undoing)) {
    const recorded = isRecorded(name, undoing, records)
    if (recorded === 'unclear') throw unclear(run, undoing, name, records)
    if (recorded === 'no')
      throw notUndone(run, undoing, stands ?? `removed it, but Kysely has no record of migration ${name}`, records)
  }
}

function isRecorded(
  name: string,
  { undone, told }: Undoing,
  records: readonly MigrationRecord[],
): 'yes' | 'no' | 'unclear' {
  const found = records.map(({ names }) => names.includes(name))
  if (found.length === 0 && told) return 'unclear'
  // without any record to be seen: Kysely runs migrations in the order of their names, unless it is told otherwise
  if (found.length === 0) return name > undone ? 'no' : 'yes'
  if (found.includes(true) && found.includes(false)) return 'unclear'
  return found.includes(true) ? 'yes' : 'no'
}

const TELL =
  'guardMigrations(provider, { migrationTableSchema, migrationTableName }), with what the migrator or kysely.config has'

const listed = (records: readonly MigrationRecord[]) => records.map(({ table }) => qualified(table)).join(', ')

function notUndone(
  { id, feature, direction, state, plan }: LedgerRun,
  { undone, told }: Undoing,
  what: string,
  records?: readonly MigrationRecord[],
): UnshipError {
  const where = records && records.length > 0 ? ` in ${listed(records)}` : ''
  const elsewhere = records && !told ? ` If Kysely keeps its record elsewhere, say so: ${TELL}.` : ''
  return new UnshipError({
    code: 'wrong_state',
    message: `migration ${undone} is not undone, because the ${direction} of feature ${feature} after it has not finished`,
    detail: `Run ${id} ${what}${where}; "down" would undo the migration before it.`,
    hint:
      what === UNDER_WAY
        ? 'Wait for it to end, then run the same command again. Nothing was changed.'
        : direction === 'restore'
          ? `Run ${plan?.takesBack ? 'abortRemoval again (or restoreFeature)' : 'restoreFeature again'} to finish it, or kysely migrate:latest to remove the feature after all. Nothing was changed.`
          : `Run kysely migrate:latest to finish it, or ${state === 'done' ? `unship abort ${feature}, or restoreFeature,` : 'abortRemoval (after the cut-over: restoreFeature)'} to take it back. Nothing was changed.${elsewhere}`,
  })
}

/** Tables contradict each other, or the one that was named is not what the migrator goes by. */
const unclear = (
  { feature }: LedgerRun,
  { undone }: Undoing,
  removal: string,
  records: readonly MigrationRecord[],
): UnshipError => {
  const having = records.filter(({ names }) => names.includes(removal))
  return new UnshipError({
    code: 'wrong_state',
    message: `migration ${undone} is not undone, because it is not clear whether the removal of feature ${feature} is on record`,
    detail:
      records.length === 0
        ? `In the table that guardMigrations was told of, ${undone} is not the last migration that was run.`
        : `Migration ${removal} is on record in ${listed(having)}, and not in ${listed(records.filter((r) => !having.includes(r)))}.`,
    hint: `Say which table is Kysely's: ${TELL}. Nothing was changed.`,
  })
}

const UNDER_WAY = 'is under way in another session'

/** Who removes or restores without a migrator, as unship abort does, does not hold Kysely's lock. */
const howItStands = async (db: AnyKysely, feature: string): Promise<string> =>
  (await isUnderWay(db, feature)) ? UNDER_WAY : 'broke off'

/** Whether another session is at it. */
async function isUnderWay(db: AnyKysely, feature: string): Promise<boolean> {
  const key = sql.raw(featureLockKey(feature))
  const { rows } = await sql<{ free: boolean }>`select pg_catalog.pg_try_advisory_lock(${key}) as free`.execute(db)
  if (!rows[0]?.free) return true
  await sql`select pg_catalog.pg_advisory_unlock(${key})`.execute(db)
  return false
}
