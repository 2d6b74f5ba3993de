import { addressKey } from '../../catalog/dependency.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { publish, unpublish } from '../../catalog/publication.ts'
import { prokinds, type Routine } from '../../catalog/routine.ts'
import type { Relation } from '../../catalog/relation.ts'
import type { Type } from '../../catalog/type.ts'
import { isForReferencedPartition, type Constraint } from '../../catalog/constraint.ts'
import { id, qualified, type QualifiedName } from '../../sql.ts'
import { columnGrants, relationAcl, routineArguments, routineAcl } from './objects.ts'
import { revokeFromOthers, setAcl } from './acl.ts'
import { backupNameOf } from './backup-names.ts'
import type { Model } from '../model.ts'
import { membershipsOf, tellsSubscribers } from './publications.ts'
import type { MovedForeignKey, MovedPlan } from '../plan.ts'
import { indexReturns } from './referenced-index.ts'

/** What leaves by being renamed, and comes back by being renamed again. */
export interface Rename {
  /** Of its catalog row. */
  readonly key: string
  readonly kind: string
  readonly identity: string
  /** What of `away` locks no table: done before any is locked. */
  readonly ahead?: readonly string[]
  readonly away: readonly string[]
  readonly back: readonly string[]
  /** The table that it is, or belongs to, under its backup's name. */
  readonly of?: QualifiedName
  /** For the sequence of a serial column: makes it the column's again, once that is there. */
  readonly owned?: string
}

export const backupNameFor = (model: Model, oid: Oid) => backupNameOf(model, 'relation', model.name(oid))

/** A table with its indexes, owned sequences and statistics; others' privileges taken away. */
export function movedTable(model: Model, oid: Oid): Rename {
  const relation = model.relation(oid)
  const table = qualified(model.name(oid))
  const backup = backupNameFor(model, oid)
  const ahead: string[] = []
  const away: string[] = []
  const back: string[] = []
  const acl = relation.relacl !== null || hasColumnGrants(model, relation)
  if (acl) ahead.push(revokeFromOthers(relationAcl(relation)), `grant all on table ${table} to ${id(relation.owner)}`)
  if (relation.relforcerowsecurity) away.push(`alter table ${table} no force row level security`)
  for (const membership of membershipsOf(model, oid)) away.push(unpublish(membership, model.name(oid)))
  away.push(`alter table ${table} rename to ${id(backup.name)}`)
  back.push(`alter table ${qualified(backup)} rename to ${id(relation.relname)}`)
  for (const index of model.snapshot.indexes.filter((i) => i.indrelid === oid)) {
    const name = { schema: index.nspname, name: index.relname }
    const moved = backupNameOf(model, 'relation', name)
    away.push(`alter index ${qualified(name)} rename to ${id(moved.name)}`)
    back.push(`alter index ${qualified(moved)} rename to ${id(index.relname)}`)
  }
  for (const sequence of ownedSequences(model, oid).filter((s) => !isDrawnFrom(model, s))) {
    const rename = movedSequence(model, sequence)
    ahead.push(...(rename.ahead ?? []))
    away.push(...rename.away)
    back.push(...rename.back)
  }
  for (const s of model.snapshot.statistics.filter((x) => x.stxrelid === oid)) {
    const name = { schema: s.nspname, name: s.stxname }
    const moved = backupNameOf(model, 'statistics', name)
    away.push(`alter statistics ${qualified(name)} rename to ${id(moved.name)}`)
    back.push(`alter statistics ${qualified(moved)} rename to ${id(s.stxname)}`)
  }
  if (relation.relforcerowsecurity) back.push(`alter table ${table} force row level security`)
  // what somebody was granted on the backup is taken away again, where there was no list at all, too
  back.push(...setAcl(relationAcl(relation), relation.relacl), ...columnGrants(model, relation))
  for (const membership of membershipsOf(model, oid)) back.push(publish(membership, model.name(oid)))
  return { key: `pg_class:${oid}:0`, kind: 'table', identity: table, ahead, away, back, of: backup }
}

const hasColumnGrants = (model: Model, relation: Relation) =>
  [...model.columns(relation.oid), ...relation.system_columns].some((c) => c.attacl !== null)

export const ownedSequences = (model: Model, oid: Oid) =>
  model.snapshot.sequences.filter((s) => s.owner_relid === oid).map((s) => s.seqrelid)

/** A removed column has a default, or a domain with one, that draws from it: it comes back before that column does, whatever table it belongs to. */
export const isDrawnFrom = (model: Model, sequence: Oid): boolean =>
  model.snapshot.edges.some(({ dependent, referenced }) => {
    const node = model.nodes.get(dependent)
    return (
      referenced === `pg_class:${sequence}:0` &&
      (node?.catalog === 'pg_attrdef'
        ? model.isRemoved(node.owner_relid ?? '', node.owner_attnum ?? 0)
        : node?.catalog === 'pg_type' && [...model.removed.values()].flat().some((c) => c.atttypid === node.objid))
    )
  })

/** A sequence; its present value stays as it is. */
export function movedSequence(model: Model, oid: Oid): Rename {
  const relation = model.relation(oid)
  const name = qualified(model.name(oid))
  const backup = backupNameFor(model, oid)
  // `grant select (last_value) on table s`
  const columns = hasColumnGrants(model, relation)
  const target = { ...relationAcl(relation), ...(columns && { columns }) }
  return {
    key: `pg_class:${oid}:0`,
    kind: 'sequence',
    identity: name,
    ahead: relation.relacl ? [revokeFromOthers(target)] : [],
    // REVOKE gives it a list, and until all is locked it has to have none
    away: [
      ...(columns && !relation.relacl ? [revokeFromOthers(target)] : []),
      `alter sequence ${name} rename to ${id(backup.name)}`,
    ],
    back: [
      `alter sequence ${qualified(backup)} rename to ${id(relation.relname)}`,
      ...setAcl(target, relation.relacl),
      ...columnGrants(model, relation),
    ],
  }
}

export function movedType(model: Model, type: Type): Rename {
  const name = qualified({ schema: type.nspname, name: type.typname })
  const backup = backupNameOf(model, 'type', { schema: type.nspname, name: type.typname })
  const kind = type.typtype === 'd' ? 'domain' : 'type'
  return {
    key: `pg_type:${type.oid}:0`,
    kind,
    identity: name,
    away: [`alter ${kind} ${name} rename to ${id(backup.name)}`],
    back: [`alter ${kind} ${qualified(backup)} rename to ${id(type.typname)}`],
  }
}

export function movedRoutine(model: Model, routine: Routine): Rename {
  const kind = prokinds[routine.prokind]
  const args = routineArguments(routine)
  const backup = backupNameOf(model, 'routine', { schema: routine.nspname, name: routine.proname })
  const name = `${qualified({ schema: routine.nspname, name: routine.proname })}${args}`
  return {
    key: `pg_proc:${routine.oid}:0`,
    kind,
    identity: name,
    ahead: [revokeFromOthers(routineAcl(routine))],
    away: [`alter ${kind} ${name} rename to ${id(backup.name)}`],
    back: [
      `alter ${kind} ${qualified(backup)}${args} rename to ${id(routine.proname)}`,
      ...setAcl(routineAcl(routine), routine.proacl),
    ],
  }
}

/**
 * Functions that something moved, or built before the reveal, depends on must be there by
 * then: they are moved, not dropped. Aggregates are too, since PostgreSQL cannot print them,
 * and functions that the session's role could not create again.
 */
export function isMovedRoutine(model: Model, routine: Routine, seen: ReadonlySet<Oid> = new Set()): boolean {
  if (routine.prokind === 'a' || !routine.creatable) return true
  const key = addressKey({ catalog: 'pg_proc', objid: routine.oid, objsubid: 0 })
  return model.snapshot.edges.some(({ dependent, referenced }) => {
    if (referenced !== key) return false
    const node = model.nodes.get(dependent)
    if (!node) return false
    switch (node.catalog) {
      case 'pg_attrdef':
        return true
      case 'pg_class':
        // an index, or (to PostgreSQL 14) a generated column itself, where newer ones name its expression
        // or the key of a partitioned table
        return ['i', 'I', 'p'].includes(node.relkind ?? '') || node.objsubid > 0
      case 'pg_constraint':
        return node.owner_relid === null || model.moved.has(node.owner_relid)
      case 'pg_trigger':
        // its row triggers are copied to the partitions, and may be enabled otherwise there
        return node.owner_relid !== null && model.moved.has(node.owner_relid) && inPartitions(model, node.owner_relid)
      case 'pg_statistic_ext':
        return node.owner_relid !== null && model.moved.has(node.owner_relid)
      case 'pg_type':
        return true
      case 'pg_proc': {
        // what something moved calls by its body or for its arguments is moved too
        const caller = model.snapshot.routines.find((r) => r.oid === node.objid && !seen.has(r.oid))
        return caller !== undefined && isMovedRoutine(model, caller, new Set([...seen, routine.oid]))
      }
      default:
        return false
    }
  })
}

const inPartitions = (model: Model, oid: Oid) => model.isPartitioned(oid) || model.relation(oid).relispartition

const onDelete = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
  ' ': 'no action',
} as const

/** The foreign keys of a table that comes back, and what they do with rows whose parent has gone. */
export const foreignKeysOf = (model: Model, oid: Oid): MovedForeignKey[] =>
  model.snapshot.constraints
    .filter((k) => k.conrelid === oid && k.contype === 'f')
    // the key of a moved partitioned table is looked after there, with all of its rows
    .filter((k) => k.parent === null || !(isForReferencedPartition(k) || model.moved.has(k.parent.conrelid)))
    .map((k) => plannedForeignKey(model, k))

export const plannedForeignKey = (model: Model, k: Constraint): MovedForeignKey => ({
  name: k.conname,
  columns: k.columns,
  referenced: model.name(k.confrelid),
  referencedColumns: k.referenced_columns,
  ...(model.gone.get(k.confrelid)?.some((c) => c.attgenerated !== '' && k.referenced_columns.includes(c.attname)) && {
    referencedGenerated: true,
  }),
  ...(indexReturns(model, k) && { indexReturns: true }),
  ...(k.period && { period: true }),
  ...(k.match_full && { full: true }),
  equalities: k.equalities,
  setColumns: k.set_columns,
  onDelete: onDelete[k.confdeltype],
  validated: k.convalidated && k.enforced,
})

/** The topmost partitioned table of the feature that a partition belongs to. */
function partitionOf(model: Model, oid: Oid): { partitionOf?: QualifiedName } {
  const above = (of: Oid): Oid => (model.isPartitionOfMoved(of) ? above(model.parents.get(of)?.[0] ?? of) : of)
  const root = above(oid)
  return root === oid ? {} : { partitionOf: model.name(root) }
}

export const planMoved = (model: Model, oid: Oid): MovedPlan => ({
  table: model.name(oid),
  backup: backupNameFor(model, oid),
  ...(model.isPartitioned(oid) && { partitioned: true }),
  ...partitionOf(model, oid),
  under: (model.parents.get(oid) ?? []).map((parent) => backupNameFor(model, parent)),
  foreignKeys: foreignKeysOf(model, oid),
  published: tellsSubscribers(model, oid),
})
