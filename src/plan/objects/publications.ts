import type { Column } from '../../catalog/column.ts'
import type { Oid } from '../../catalog/fragments.ts'
import type { Index } from '../../catalog/index.ts'
import { publish, unpublish, type Membership } from '../../catalog/publication.ts'
import type { Relation } from '../../catalog/relation.ts'
import type { Model } from '../model.ts'
import type { PublishedTable } from '../plan.ts'

export const membershipsOf = (model: Model, oid: Oid): readonly Membership[] =>
  model.snapshot.memberships.filter((m) => m.prrelid === oid)

/** What subscribers are told of a table's columns: those of the list, or all that go out without one. */
export const publishedColumns = (membership: Membership, columns: readonly Column[]): readonly string[] =>
  membership.columns ??
  columns
    .filter((c) => c.attgenerated === '' || (membership.pubgencols && c.attgenerated === 's'))
    .map((c) => c.attname)

/** Numbers of the columns that tell subscribers which row is meant. */
export function identityColumns(
  relation: Pick<Relation, 'oid' | 'relreplident'>,
  indexes: readonly Index[],
): readonly number[] | 'full' | 'none' {
  if (relation.relreplident === 'f') return 'full'
  const index = indexes.find(
    (i) =>
      i.indrelid === relation.oid &&
      i.indisvalid &&
      i.indimmediate &&
      ((relation.relreplident === 'i' && i.indisreplident) || (relation.relreplident === 'd' && i.indisprimary)),
  )
  return index ? index.indkey.slice(0, index.indnkeyatts) : 'none'
}

const isRemovedName = (model: Model, oid: Oid) => {
  const removed = new Set(model.removed.get(oid)?.map((c) => c.attname))
  return (name: string) => removed.has(name)
}

/** The column list while the feature is away: what it names of the columns that stay. */
export function reducedColumns(model: Model, membership: Membership): readonly string[] | null {
  const removed = isRemovedName(model, membership.prrelid)
  return membership.columns?.filter((name) => !removed(name)) ?? null
}

/** Host tables whose column lists name removed columns: those have to leave the list before they are dropped. */
export const reduceLists = (model: Model, oid: Oid): string[] =>
  membershipsOf(model, oid).flatMap((m) => {
    const columns = reducedColumns(model, m)
    if (columns === null || columns.length === m.columns?.length) return []
    return [unpublish(m, model.name(oid)), publish({ ...m, columns }, model.name(oid))]
  })

/** Every table of the feature that is published by name, as the restore has to find its publication again. */
export const plannedPublications = (model: Model): PublishedTable[] =>
  [...model.removed.keys(), ...model.moved].flatMap((oid) =>
    membershipsOf(model, oid).map((m) => ({
      table: model.name(oid),
      publication: m.pubname,
      oid: m.prpubid,
      columns: m.columns,
      reduced: reducedColumns(model, m),
      filter: m.filter,
    })),
  )

/**
 * Whether subscribers can be told of rows that the restore changes or deletes: then it does so
 * after the reveal, when the table is published again.
 */
export function tellsSubscribers(model: Model, oid: Oid): boolean {
  const memberships = membershipsOf(model, oid)
  const identity = identityColumns(model.relation(oid), model.snapshot.indexes)
  if (memberships.length === 0 || identity === 'none') return false
  const columns = model.columns(oid)
  return memberships.every(
    ({ columns: list }) =>
      list === null ||
      (identity !== 'full' && identity.every((n) => list.includes(columns.find((c) => c.attnum === n)?.attname ?? ''))),
  )
}
