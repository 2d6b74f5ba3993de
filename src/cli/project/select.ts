import { UnshipError } from '../../errors.ts'
import type { FoundFeature } from './migrations.ts'

/**
 * The feature that a command is about: the one that is named, by its own name or
 * its migration's, with or without the time in front; else the only one, the only
 * one whose migration is pending, or that of the last migration that was run.
 */
export function selectFeature(features: readonly FoundFeature[], named: string | undefined): FoundFeature {
  if (features.length === 0)
    throw new UnshipError({
      code: 'feature_not_found',
      message: 'no migration exports a feature',
      detail: 'A feature is an export of a migration that defineFeature() made.',
      hint: 'Export it: export const name = defineFeature<Database>()({ … }).',
    })
  const candidates = named === undefined ? features : features.filter((found) => bears(found, named))
  if (named !== undefined && candidates.length === 0) throw notFound(features, named)
  const pending = candidates.filter((found) => found.executedAt === null)
  const last = candidates.filter((found) => found.executedAt !== null).at(-1)
  const [only, another] = pending.length > 0 ? pending : last ? [last] : []
  if (only && (!another || sameFeature(pending))) return only
  throw ambiguous(pending, named)
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

const ambiguous = (pending: readonly FoundFeature[], named: string | undefined) =>
  new UnshipError({
    code: 'feature_ambiguous',
    message: named === undefined ? 'more than one feature is pending' : `"${named}" may be more than one feature`,
    detail: `Pending: ${listed(pending)}.`,
    hint: 'Name the one that is meant.',
  })
