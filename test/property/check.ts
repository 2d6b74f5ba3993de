import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { restoreFeature, type RestoreReport, type UnshipErrorCode } from 'kysely-unship'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { readState } from '../support/life.ts'
import { readTraces } from '../support/refusal.ts'
import { HOSTILE_DEFAULTS } from '../support/round-trip.ts'
import type { LifeStep, World } from './description.ts'
import { bareFeature, removeAsTold } from './feature.ts'
import { readImages } from './images.ts'
import { Life } from './live.ts'
import { render, type Rendering } from './render.ts'

/** How a case ended: what a run prints the counts of. */
export type Ending = 'restored' | 'restored after life' | UnshipErrorCode

/** With nobody else in the database, these would be failures of ours. */
const NEVER: readonly UnshipErrorCode[] = [
  'busy',
  'locked',
  'backup_not_verified',
  'backup_changed',
  'not_restored_exactly',
  'rows_in_the_way',
  'wrong_state',
  'invalid_declaration',
  'feature_incomplete',
  'name_spelling',
  'ambiguous_function',
]

/**
 * Makes the world, removes its feature, lives, restores: in the end all is as it was but for
 * what life changed; or the removal was refused and nothing had changed.
 */
export async function checkWorld(world: World, steps: readonly LifeStep[] = []): Promise<Ending> {
  const rendering = render(world)
  const database = await createDatabase()
  let twin: TestDatabase | undefined
  let feature: unknown = bareFeature(world.feature, rendering.tables)
  try {
    await build(database, rendering, world)
    if (steps.length > 0) twin = await database.copy()
    const before = await readEverything(database)
    const attempt = await removeAsTold(database, bareFeature(world.feature, rendering.tables), rendering.tables)
    feature = attempt.feature
    if (attempt.kind === 'refused') {
      expect(await readEverything(database), `after ${attempt.error.message}`).toEqual(before)
      if (NEVER.includes(attempt.error.code)) throw attempt.error
      return attempt.error.code
    }
    const lived = twin && new Life(database, twin, rendering, attempt.feature)
    await lived?.run(steps)
    const report = await restoreFeature(database.db, attempt.feature)
    expect(report.warnings.filter((warning) => !lived || !isOfLostKeys(warning, report))).toEqual([])
    const after = await readEverything(database)
    expect(after.state.definitions).toEqual(before.state.definitions)
    expect(after.state.dump).toEqual(before.state.dump)
    expect(after.traces.onHosts.filter((name) => !name.endsWith('.unship_reason'))).toEqual([])
    expect(after.traces.watches).toEqual([])
    if (lived) await lived.compare(before.images, after.images)
    else {
      expect(report.setAside).toEqual([])
      expect(after.state.rows).toEqual(before.state.rows)
      expect(after.images).toEqual(before.images)
    }
    return lived?.taken ? 'restored after life' : 'restored'
  } catch (error) {
    throw explained(error, rendering, feature, steps)
  } finally {
    await database.drop()
    await twin?.drop()
  }
}

/** Where most of the rows went in between, and others came, the restore says so. */
const isOfLostKeys = (warning: string, { hosts }: RestoreReport) =>
  hosts.some(
    ({ table, restored, deleted, inserted }) =>
      warning.startsWith(
        `${String(deleted)} of ${String(restored + deleted)} backed-up rows of ${table} have no row under their `,
      ) &&
      deleted > restored &&
      inserted >= deleted,
  )

const readEverything = async (database: TestDatabase) => ({
  state: await readState(database),
  images: await readImages(database),
  traces: await readTraces(database),
})

async function build(database: TestDatabase, { statements }: Rendering, world: World): Promise<void> {
  const owner = await database.connect()
  for (const sql of statements)
    try {
      await owner.query(sql)
    } catch (error) {
      // what PostgreSQL does not let partitioned tables have is left out
      if (world.tables.some((t) => t.tree !== 'none')) continue
      throw new Error(`the generator made what PostgreSQL refuses: ${sql}`, { cause: error })
    }
  await owner.end()
  if (!world.hostileDefaults) return
  const admin = await database.connect('admin')
  await admin.query(HOSTILE_DEFAULTS)
  await admin.end()
}

/** A failure that can be read without running it again. */
function explained(error: unknown, { statements }: Rendering, feature: unknown, steps: readonly LifeStep[]): Error {
  const message = error instanceof Error ? error.message : String(error)
  const differences =
    error instanceof Error && 'actual' in error && 'expected' in error ? difference(error.expected, error.actual) : []
  const stack = error instanceof Error ? error.stack?.split('\n').filter((l) => l.trim().startsWith('at ')) : []
  const cause = error instanceof Error && error.cause instanceof Error ? [`cause: ${error.cause.message}`] : []
  return new Error(
    [
      ...[message.slice(0, 3000), ...cause, ...differences, '', ...statements.map((s) => `${s};`)],
      ...[
        '',
        `feature: ${JSON.stringify(feature)}`,
        ...(steps.length > 0 ? [`life: ${JSON.stringify(steps)}`] : []),
        '',
      ],
      ...(stack ?? []).slice(0, 12),
    ].join('\n'),
  )
}

/** The leaves in which two values differ. */
function difference(expected: unknown, actual: unknown, path = ''): string[] {
  if (isDeepStrictEqual(expected, actual)) return []
  if (typeof expected !== 'object' || typeof actual !== 'object' || !expected || !actual)
    return [`${path}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(actual)}`]
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)])
  return [...keys].flatMap((key) =>
    difference((expected as Record<string, unknown>)[key], (actual as Record<string, unknown>)[key], `${path}/${key}`),
  )
}
