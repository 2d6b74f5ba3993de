import { demandBound } from '../../catalog/bound.ts'
import { hiddenName } from '../../names.ts'
import { isCreatedAgain } from './created.ts'
import { storedColumns } from '../objects/host.ts'
import type { Model } from '../model.ts'
import type { Parts } from '../parts.ts'
import { defaultKey } from '../refusals/trial.ts'

/*
 * Functions, operators and casts may come while a feature is away, which the words of its definitions would then stand for. Whether they do
 * is seen when they have been created again, in the transaction that does it.
 */

/** Of columns under their hidden names, whose rows are given their defaults long before the reveal. */
export function demandDefaults(model: Model, parts: Parts): string[] {
  const isCreated = isCreatedAgain(model, parts)
  const hidden = new Map(
    [...model.removed.keys()].flatMap((oid) =>
      storedColumns(model, oid).map((c) => [defaultKey(model, oid, c), hiddenName(c.attname)] as const),
    ),
  )
  const defaults = model.snapshot.bound.flatMap((object) => {
    const name = hidden.get(object.dependent)
    if (name === undefined || !isCreated(object.dependent)) return []
    return [{ ...object, names: [...object.names.slice(0, -1), name] }]
  })
  return defaults.length > 0 ? [demandBound(defaults)] : []
}

/** Of all that has its own name again. */
export function demandDefinitions(model: Model, parts: Parts): string[] {
  const isCreated = isCreatedAgain(model, parts, { ofPartitions: true })
  const objects = model.snapshot.bound.filter(({ dependent }) => isCreated(dependent))
  return objects.length > 0 ? [demandBound(objects)] : []
}
