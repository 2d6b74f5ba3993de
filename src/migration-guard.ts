import { sql } from 'kysely'
import type { Migration, MigrationProvider } from 'kysely/migration'
import type { AnyKysely } from './any-kysely.ts'
import { UnshipError } from './errors.ts'
import { isFeature } from './feature.ts'
import { runsInEffect } from './ledger/ledger.ts'
import { featureLockKey, withSession } from './run/session.ts'

/**
 * Migrations that `migrate:down` cannot undo by mistake.
 *
 * Kysely records a migration when its `up` has returned, and `migrate:down` undoes the last one on
 * record: after a removal that broke off, the one before it. Here every `down` first looks into the
 * ledger, and refuses while the removal of another migration, or what takes it back, is unfinished or not on Kysely's record.
 *
 * Locks nothing.
 *
 * @throws {UnshipError} `wrong_state` from such a `down`, before it begins.
 *
 * @example
 * provider: guardMigrations(new TSFileMigrationProvider({ migrationFolder }))
 */
export function guardMigrations(provider: MigrationProvider): MigrationProvider {
  return {
    async getMigrations() {
      const migrations = await provider.getMigrations()
      const guarded = Object.entries(migrations).map(([name, migration]): [string, Migration] => {
        if (!migration.down) return [name, migration]
        const afterLooking = async (db: AnyKysely) => {
          await refuseForBrokenUp(db, name, migrations)
          await migration.down?.(db)
        }
        return [name, { ...migration, down: afterLooking }]
      })
      return Object.fromEntries(guarded)
    },
  }
}

const featuresOf = (migration: Migration | undefined): string[] =>
  Object.values(migration ?? {}).flatMap((value) => (isFeature(value) ? [value.name] : []))

async function refuseForBrokenUp(
  db: AnyKysely,
  undone: string,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  // by its unqualified name, as Kysely itself finds it
  const recorded = await recordedMigrations(db.withoutPlugins())
  await withSession(db, async (session) => {
    await refuseFor(session.db, undone, migrations, recorded)
  })
}

async function refuseFor(
  db: AnyKysely,
  undone: string,
  migrations: Readonly<Record<string, Migration>>,
  recorded: readonly string[] | null,
): Promise<void> {
  for (const { id, feature, state, direction, plan } of await runsInEffect(db)) {
    if (featuresOf(migrations[undone]).includes(feature)) continue
    const unrecorded = Object.keys(migrations).find(
      (name) => featuresOf(migrations[name]).includes(feature) && recorded?.includes(name) === false,
    )
    const running = state === 'running' && (await isUnderWay(db, feature))
    // the restore of a migration that is on record may be gone on with by its own "down"
    const unfinished = direction === 'removal' || plan?.takesBack === true
    const broken = state === 'running' && !running && unfinished
    if (!broken && (running || unrecorded === undefined)) continue
    const what = direction === 'restore' ? 'restore' : 'removal'
    throw new UnshipError({
      code: 'wrong_state',
      message: `migration ${undone} is not undone, because the ${what} of feature ${feature} after it has not finished`,
      detail: `Run ${id} ${state === 'running' ? 'broke off' : `removed it, but Kysely has no record of migration ${unrecorded ?? ''}`}; "down" would undo the migration before it.`,
      hint:
        direction === 'restore'
          ? `Run ${plan?.takesBack ? 'abortRemoval again (or restoreFeature)' : 'restoreFeature again'} to finish it, or kysely migrate:latest to remove the feature after all. Nothing was changed.`
          : 'Run kysely migrate:latest to finish it, or abortRemoval (after the cut-over: restoreFeature) to take it back. Nothing was changed.',
    })
  }
}

/** What Kysely has on record in its table of the usual name; null where it has none. */
async function recordedMigrations(db: AnyKysely): Promise<string[] | null> {
  const there = await sql<{ there: boolean }>`
    select pg_catalog.to_regclass('kysely_migration') is not null as there`.execute(db)
  if (!there.rows[0]?.there) return null
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db)
  return rows.map(({ name }) => name)
}

/** Whether another session is at it. */
async function isUnderWay(db: AnyKysely, feature: string): Promise<boolean> {
  const key = sql.raw(featureLockKey(feature))
  const { rows } = await sql<{ free: boolean }>`select pg_catalog.pg_try_advisory_lock(${key}) as free`.execute(db)
  if (!rows[0]?.free) return true
  await sql`select pg_catalog.pg_advisory_unlock(${key})`.execute(db)
  return false
}
