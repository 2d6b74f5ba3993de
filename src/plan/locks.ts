import type { Oid } from '../catalog/fragments.ts'
import { id, qualified, type QualifiedName } from '../sql.ts'
import type { Model } from './model.ts'
import { backupNameFor } from './objects/moved.ts'
import { isPartitionedForeignKey, rootForeignKey } from './objects/partitioned-foreign-keys.ts'
import type { PlannedLock, RemovalPlan } from './plan.ts'
import { byName, inTrees } from './trees.ts'
import { lockHost } from './tree.ts'

/**
 * The locks of the three short transactions, all taken before any change.
 *
 * Views come first, as their readers lock them before their tables. (LOCK TABLE
 * on a view would lock its tables too, in its own order; ALTER VIEW … OWNER TO
 * its present owner takes the lock and changes nothing.)
 */
export function planLocks(model: Model): RemovalPlan['locks'] {
  const tables = lockOrder(model)
  const attached = inPartitionedForeignKeys(model)
  const tree = (oid: Oid): PlannedLock => lockHost({ table: model.name(oid), members: [] })
  const isTree = (oid: Oid) => model.removed.has(oid) && model.relation(oid).relkind === 'p'
  const lock = (relation: QualifiedName, mode: string): PlannedLock => ({
    sql: `lock table only ${qualified(relation)} in ${mode} mode`,
    relation,
  })
  const exclusive = (oid: Oid): PlannedLock => ({
    ...lock(model.name(oid), 'access exclusive'),
    ...(!model.relation(oid).lockable && { granting: model.relation(oid).owner }),
  })
  return {
    cutOver: [
      ...model.snapshot.relations
        .filter((r) => model.views.has(r.oid))
        .map((r) => ({
          sql: `alter ${r.relkind === 'm' ? 'materialized view' : 'view'} ${qualified(model.name(r.oid))} owner to ${id(r.owner)}`,
          relation: model.name(r.oid),
        })),
      ...tables.map((oid) => (isTree(oid) ? tree(oid) : exclusive(oid))),
    ],
    add: tables
      .filter((oid) => model.removed.has(oid))
      .map((oid) => (isTree(oid) ? tree(oid) : lock(model.name(oid), 'access exclusive'))),
    reveal: tables.map((oid) =>
      model.moved.has(oid)
        ? lock(backupNameFor(model, oid), 'access exclusive')
        : isTree(oid)
          ? tree(oid)
          : lock(model.name(oid), model.isHost(oid) ? 'access exclusive' : 'share row exclusive'),
    ),
    // where it makes keys of partitions parts of its own, PostgreSQL drops triggers of both sides
    attach: tables.filter((oid) => attached.has(oid)).map(exclusive),
  }
}

/**
 * Locks of the same tables under which everybody may read and write, and nobody may define: all but CREATE OR REPLACE of views and
 * functions waits for them.
 */
export const againstDefinitions = (locks: readonly PlannedLock[]): PlannedLock[] =>
  locks
    .filter(({ sql }) => sql.startsWith('lock table '))
    .map(({ sql, ...lock }) => ({
      ...lock,
      sql: sql.replace(/ in [a-z ]+ mode$/, ` in ${DDL_ALONE} mode`),
      mode: DDL_ALONE,
    }))

/** Conflicts with itself, and with what ALTER, CREATE INDEX, CREATE TRIGGER, COMMENT or VACUUM ask for. */
const DDL_ALONE = 'share update exclusive'

/** Tables on both sides of foreign keys that a partitioned table gets back when all of its partitions have them. */
const inPartitionedForeignKeys = (model: Model): ReadonlySet<Oid> =>
  new Set(
    model.snapshot.constraints
      .filter((k) => isPartitionedForeignKey(model, k))
      .flatMap((k) => [k.conrelid, k.confrelid]),
  )

/**
 * Every table concerned, in one order: referencing tables before those they
 * refer to, as ordinary clients lock them (an INSERT locks its own table first,
 * then the referenced row); a partitioned table, or a parent, right before what is below it. Else by
 * name: what is reached through a parent waits for that one's lock, whatever the order of those below it.
 */
export function lockOrder(model: Model): Oid[] {
  const mine = new Set<Oid>([...model.removed.keys(), ...model.moved])
  const all = new Set<Oid>(mine)
  const declared = (catalog: string, oid: Oid) => model.declared.has(`${catalog}:${oid}:0`)
  const { constraints, triggers, policies, rules } = model.snapshot
  const foreignKeys = constraints.filter((k) => k.contype === 'f')
  for (const k of foreignKeys) {
    const overRemoved = k.conkey?.some((n) => model.isRemoved(k.conrelid, n)) ?? false
    // a foreign key that goes locks both of its tables
    if (
      model.moved.has(k.conrelid) ||
      model.moved.has(k.confrelid) ||
      overRemoved ||
      declared('pg_constraint', rootForeignKey(model, k).oid)
    ) {
      all.add(k.conrelid)
      all.add(k.confrelid)
    }
  }
  for (const t of triggers) if (declared('pg_trigger', t.oid)) all.add(t.tgrelid)
  for (const p of policies) if (declared('pg_policy', p.oid)) all.add(p.polrelid)
  for (const r of rules) if (declared('pg_rewrite', r.oid)) all.add(r.ev_class)

  const ordered: Oid[] = []
  const visited = new Set<Oid>()
  const trees = inTrees(model.relations, model.parents, all)
  const visit = (oid: Oid) => {
    if (visited.has(oid)) return
    const tree = new Set(trees.get(oid) ?? [oid])
    for (const member of tree) visited.add(member)
    for (const k of foreignKeys) if (tree.has(k.confrelid) && all.has(k.conrelid)) visit(k.conrelid)
    ordered.push(...tree)
  }
  for (const oid of [...all]) {
    const root = model.rootOf(oid)
    if (root !== null) all.add(root)
  }
  byName(model.relations, all).forEach(visit)
  return ordered.filter((oid) => {
    const relation = model.relations.get(oid)
    // partitions of host tables are locked with their roots
    if (model.rootOf(oid) !== null) return false
    return relation !== undefined && ['r', 'p'].includes(relation.relkind) && (mine.has(oid) || relation.lockable)
  })
}
