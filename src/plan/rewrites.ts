import type { Model } from './model.ts'
import { isExclusion } from './objects/constraints.ts'
import { isPrebuilt } from './objects/prebuilt.ts'

/**
 * The short transactions of a restore that take as long as a table is large, as the declaration acknowledged, or as long as a query
 * takes that a materialized view is filled by.
 */
export interface Rewrites {
  readonly add: boolean
  readonly reveal: boolean
  /** The reveal fills materialized views. Ledgers of earlier versions do not tell. */
  readonly views?: boolean
}

/** Whether the reveal takes as long as it takes. */
export const isLongReveal = (rewrites: Rewrites | undefined): boolean =>
  rewrites?.reveal === true || rewrites?.views === true

export function planRewrites(model: Model): Rewrites {
  const removed = [...model.removed.values()].flat()
  return {
    add: removed.some((c) => c.attgenerated === '' && c.constrained_domain),
    reveal:
      removed.some((c) => c.attgenerated === 's') ||
      model.snapshot.constraints.some(
        (k) => isExclusion(model, k) && model.isHost(k.conrelid) && model.nodes.has(`pg_constraint:${k.oid}:0`),
      ),
    ...(filledAtReveal(model) && { views: true }),
  }
}

/** A materialized view that reads another view of the feature cannot be filled before that is back. */
const filledAtReveal = (model: Model): boolean =>
  model.snapshot.relations.some(
    (r) => model.views.has(r.oid) && r.relkind === 'm' && r.relispopulated && !isPrebuilt(model, r),
  )
