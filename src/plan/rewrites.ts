import type { Model } from './model.ts'
import { isExclusion } from './constraints.ts'

/** The short transactions of a restore that take as long as a table is large, as the declaration acknowledged. */
export interface Rewrites {
  readonly add: boolean
  readonly reveal: boolean
}

export function planRewrites(model: Model): Rewrites {
  const removed = [...model.removed.values()].flat()
  return {
    add: removed.some((c) => c.attgenerated === '' && c.constrained_domain),
    reveal:
      removed.some((c) => c.attgenerated === 's') ||
      model.snapshot.constraints.some(
        (k) => isExclusion(model, k) && model.isHost(k.conrelid) && model.nodes.has(`pg_constraint:${k.oid}:0`),
      ),
  }
}
