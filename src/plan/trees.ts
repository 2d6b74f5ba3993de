import type { Oid } from '../catalog/fragments.ts'
import type { Relation } from '../catalog/relation.ts'

type Relations = ReadonlyMap<Oid, Relation>

/** Tables with all partitions below them: a partitioned table leaves with its partitions, by nature. */
export function withPartitions(relations: Relations, tables: readonly Oid[]): Set<Oid> {
  const all = new Set<Oid>()
  const visit = (oid: Oid) => {
    if (all.has(oid)) return
    all.add(oid)
    const relation = relations.get(oid)
    if (relation?.relkind === 'p') relation.children.forEach(visit)
  }
  tables.forEach(visit)
  return all
}

/** Relations in the order of their names, in which the snapshot has them: that of identifiers is another one in every database. */
export const byName = (relations: Relations, some: ReadonlySet<Oid>): Oid[] =>
  [...relations.keys()].filter((oid) => some.has(oid))

/** Of each table in the snapshot, those that it is a partition of or inherits from. */
export function parentsOf(relations: Relations): Map<Oid, Oid[]> {
  const parents = new Map<Oid, Oid[]>()
  for (const { oid, children } of relations.values())
    for (const child of children) parents.set(child, [...(parents.get(child) ?? []), oid])
  return parents
}

/**
 * Sorts tables into trees, each tree with parents first: a client locks a partitioned table
 * before its partitions, and all of them before a table that they refer to.
 */
export function inTrees(
  relations: Relations,
  parents: ReadonlyMap<Oid, readonly Oid[]>,
  tables: ReadonlySet<Oid>,
): Map<Oid, readonly Oid[]> {
  const treeOf = new Map<Oid, Oid[]>()
  const seen = new Set<Oid>()
  const gather = (oid: Oid, tree: Oid[]) => {
    if (seen.has(oid)) return
    seen.add(oid)
    for (const parent of parents.get(oid) ?? []) gather(parent, tree)
    if (tables.has(oid)) {
      tree.push(oid)
      treeOf.set(oid, tree)
    }
    for (const child of relations.get(oid)?.children ?? []) gather(child, tree)
  }
  for (const oid of byName(relations, tables)) gather(oid, [])
  return treeOf
}
