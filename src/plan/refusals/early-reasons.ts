import { addressKey, type Node } from '../../catalog/dependency.ts'
import type { Model } from '../model.ts'
import { overGenerated } from '../parts.ts'
import { namesAbsent, textsOf } from './texts.ts'

/** Columns, with their defaults and indexes, are back before the feature's tables and views: they cannot need those. */
export function orderReasons(model: Model): string[] {
  const leaves = (oid: string | null) => oid !== null && (model.moved.has(oid) || model.views.has(oid))
  return model.snapshot.edges.flatMap(({ dependent, referenced }) => {
    const from = model.nodes.get(dependent)
    const to = model.nodes.get(referenced)
    if (from && ['pg_attrdef', 'pg_type'].includes(from.catalog) && to && isOfRemovedIdentity(model, to.objid))
      return [`${from.description} needs ${to.description}, which goes and comes with its identity column`]
    if (
      !from ||
      !to ||
      !leaves(to.catalog === 'pg_class' ? to.objid : to.catalog === 'pg_type' ? to.owner_relid : null)
    )
      return []
    const early =
      from.catalog === 'pg_attrdef'
        ? model.isRemoved(from.owner_relid ?? '', from.owner_attnum ?? 0)
        : from.catalog === 'pg_class' &&
          (model.isRemoved(from.objid, from.objsubid) ||
            (from.relkind === 'i' && from.owner_relid !== null && model.isHost(from.owner_relid)))
    return early ? [`${from.description} needs ${to.description} of the feature, which comes back after it`] : []
  })
}

const CALLS = 'is evaluated before the reveal, and calls'

/** Said where `textReasons` has found some. */
export const textHint = (reasons: readonly string[]): string[] =>
  reasons.some((reason) => reason.includes(CALLS))
    ? [
        'Change the function so that its text does not name them (a comment counts), or let the default, index or type do without it.',
      ]
    : []

/** Dropped with the column, whatever else draws from it. */
const isOfRemovedIdentity = (model: Model, oid: string): boolean =>
  model.snapshot.sequences.some(
    (s) => s.seqrelid === oid && s.owner_kind === 'i' && model.isRemoved(s.owner_relid ?? '', s.owner_attnum ?? 0),
  )

/** Nor may they call functions whose strings name those, or columns under hidden names: filling would fail, and others' inserts. */
export const textReasons = (model: Model): string[] =>
  model.snapshot.nodes
    .filter((node) => isEarly(model, node))
    .flatMap((node) =>
      textsOf(model, addressKey(node)).flatMap((text) => {
        const names = namesAbsent(model, text).join(', ')
        return names === ''
          ? []
          : [`${node.description} ${CALLS} function ${text.name}, whose text names ${names} of the feature`]
      }),
    )

/** A default or the type of a removed column, or an index of its table; what is generated is computed at the reveal. */
function isEarly(model: Model, node: Node): boolean {
  const stored = (oid: string | null, attnum: number | null) =>
    model.gone.get(oid ?? '')?.some((c) => c.attnum === attnum && c.attgenerated === '') ?? false
  if (node.catalog === 'pg_attrdef') return stored(node.owner_relid, node.owner_attnum)
  if (node.catalog !== 'pg_class') return false
  if (node.relkind === 'i') {
    const index = model.snapshot.indexes.find((i) => i.indexrelid === node.objid)
    return index !== undefined && model.isHost(index.indrelid) && !overGenerated(model, index)
  }
  return stored(node.objid, node.objsubid)
}
