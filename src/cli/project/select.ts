import { UnshipError } from '../../errors.ts'
import type { FoundFeature } from './migrations.ts'

/**
 * The feature that a command is about: the one that is named, by its own name or
 * its migration's, with or without the time in front; else the only one, the only
 * one whose migration is pending, or the only one of the last migration that was run.
 */
export function selectFeature(features: readonly FoundFeature[], named: string | undefined): FoundFeature {
  if (features.length === 0)
    throw new UnshipError({
      code: 'feature_not_found',
      message: 'no migration exports a feature',
      detail: 'A feature is an export of a migration that defineFeature() made.',
      hint: 'Export it: export const name = defineFeature<Database>()({ … }). A provider hands on a default export alone: put the feature into that, export default { name, up, down }.',
    })
  const candidates = named === undefined ? features : features.filter((found) => bears(found, named))
  if (named !== undefined && candidates.length === 0) throw notFound(features, named)
  const pending = candidates.filter((found) => found.executedAt === null)
  const meant = pending.length > 0 ? pending : lastRun(candidates)
  const [only] = meant
  if (only && sameFeature(meant)) return only
  throw ambiguous(meant, named)
}

/** All features of the migration that was run last, which need not be the last by its name. */
function lastRun(run: readonly FoundFeature[]): FoundFeature[] {
  const time = ({ executedAt }: FoundFeature) => executedAt?.getTime() ?? 0
  const latest = Math.max(...run.map(time))
  const last = run.findLast((found) => time(found) === latest)
  return run.filter(({ migration }) => migration === last?.migration)
}

/** Whether a name is the feature's own or its migration's. */
export const bears = ({ feature, migration }: FoundFeature, name: string): boolean =>
  feature.name === name || migration === name || migration.replace(/^\d+[_-]/, '') === name

const sameFeature = (found: readonly FoundFeature[]) => new Set(found.map(({ feature }) => feature.name)).size === 1

const listed = (features: readonly FoundFeature[]) =>
  features.map(({ feature, migration }) => `${feature.name} (${migration})`).join(', ')

const notFound = (features: readonly FoundFeature[], named: string) =>
  new UnshipError({
    code: 'feature_not_found',
    message: `no migration exports a feature "${named}"`,
    detail: `Features: ${listed(features)}.`,
    hint: 'Name one of them, or the migration that declares it.',
  })

const ambiguous = (meant: readonly FoundFeature[], named: string | undefined) => {
  const pending = meant.some(({ executedAt }) => executedAt === null)
  return new UnshipError({
    code: 'feature_ambiguous',
    message:
      named !== undefined
        ? `"${named}" may be more than one feature`
        : pending
          ? 'more than one feature is pending'
          : 'the last migration that was run has more than one feature',
    detail: `${pending ? 'Pending' : 'Run'}: ${listed(meant)}.`,
    hint: 'Name the one that is meant.',
  })
}
