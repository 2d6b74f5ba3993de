import type { FeatureStatus } from '../../run/status/read-status.ts'
import type { FoundFeature } from './migrations.ts'

/**
 * The migrations of a feature that is removed, where Kysely has a record of none of them, as when a statement after the removal has
 * failed: `migrate:down` undoes the migration before them then.
 */
export function unrecordedMigrations(
  found: readonly FoundFeature[],
  { feature, state }: Pick<FeatureStatus, 'feature' | 'state'>,
): string[] {
  if (state !== 'removed' && state !== 'archived' && state !== 'purged') return []
  const own = found.filter((one) => one.feature.name === feature)
  return own.every(({ executedAt }) => executedAt === null) ? own.map(({ migration }) => migration) : []
}

/** What that means, and both ways on. */
export const withoutRecord = (
  { feature, state }: Pick<FeatureStatus, 'feature' | 'state'>,
  migrations: readonly string[],
): string =>
  `Kysely has no record of ${migrations.join(', ')}: kysely migrate:latest, run again, finds ${feature} removed and goes on${
    state === 'purged' ? '' : `, unship abort ${feature} restores it`
  }; kysely migrate:down would undo the migration before it`
