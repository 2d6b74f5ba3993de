import type { Column } from '../catalog/column.ts'
import type { Constraint } from '../catalog/constraint.ts'
import { addressKey, type Node } from '../catalog/dependency.ts'
import type { Oid } from '../catalog/fragments.ts'
import type { Index } from '../catalog/index.ts'
import type { Relation } from '../catalog/relation.ts'
import type { ResolvedName } from '../catalog/resolve.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import type { Member } from '../catalog/tree.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { parseName, spellName } from '../names.ts'
import { id, type QualifiedName } from '../sql.ts'
import { parentsOf, withPartitions } from './trees.ts'

/** A snapshot and a declaration, with the look-ups that planning needs. */
export class Model {
  readonly snapshot: Snapshot
  readonly feature: FeatureDeclaration
  readonly schema: string
  readonly relations: ReadonlyMap<Oid, Relation>
  readonly nodes: ReadonlyMap<string, Node>
  readonly constraints: ReadonlyMap<Oid, Constraint>
  readonly indexes: ReadonlyMap<Oid, Index>
  /** Of each table, those that it is a partition of or inherits from, where the snapshot has them. */
  readonly parents: ReadonlyMap<Oid, readonly Oid[]>
  /** Tables that leave as a whole: those declared, and all partitions of these. */
  readonly moved: ReadonlySet<Oid>
  /** Views and materialized views that were declared. */
  readonly views: ReadonlySet<Oid>
  /** Removed columns by host table, as declared. */
  readonly removed: ReadonlyMap<Oid, readonly Column[]>
  /** The same, with the partitions of host tables, which lose them too. */
  readonly gone: ReadonlyMap<Oid, readonly Column[]>
  /** Keys of everything that was declared and found. */
  readonly declared: ReadonlySet<string>
  readonly #columns: ReadonlyMap<Oid, readonly Column[]>
  /** Of each partition of a host table, that. */
  readonly #roots: ReadonlyMap<Oid, Oid>

  constructor(snapshot: Snapshot, feature: FeatureDeclaration) {
    this.snapshot = snapshot
    this.feature = feature
    this.schema = feature.schema ?? 'public'
    this.relations = new Map(snapshot.relations.map((r) => [r.oid, r]))
    this.parents = parentsOf(this.relations)
    this.nodes = new Map(snapshot.nodes.map((n) => [addressKey(n), n]))
    this.constraints = new Map(snapshot.constraints.map((k) => [k.oid, k]))
    this.indexes = new Map(snapshot.indexes.map((i) => [i.indexrelid, i]))
    const columns = new Map<Oid, Column[]>()
    for (const column of snapshot.columns) {
      const of = columns.get(column.attrelid)
      if (of) of.push(column)
      else columns.set(column.attrelid, [column])
    }
    this.#columns = columns
    // where there are several, the first one counts
    this.#roots = new Map(snapshot.members.map((m) => [m.relid, m.root] as const).reverse())
    const found = (field: ResolvedName['field']) =>
      snapshot.declared.flatMap((d) => (d.field === field && d.found ? [d.found] : []))
    this.moved = withPartitions(
      this.relations,
      found('tables').map((f) => f.objid),
    )
    this.views = new Set(found('views').map((f) => f.objid))
    const removed = new Map<Oid, Column[]>()
    for (const { objid, objsubid } of found('columns')) {
      const column = this.columns(objid).find((c) => c.attnum === objsubid)
      if (column)
        removed.set(
          objid,
          [...(removed.get(objid) ?? []), column].sort((a, b) => a.attnum - b.attnum),
        )
    }
    this.removed = removed
    const gone = new Map<Oid, readonly Column[]>(removed)
    for (const { root, relid } of snapshot.members)
      gone.set(
        relid,
        (removed.get(root) ?? []).flatMap((c) => this.columns(relid).find((own) => own.attname === c.attname) ?? []),
      )
    this.gone = gone
    this.declared = new Set(
      snapshot.declared.flatMap((d) =>
        d.found ? [addressKey({ catalog: d.found.catalog, objid: d.found.objid, objsubid: d.found.objsubid })] : [],
      ),
    )
  }

  relation(oid: Oid): Relation {
    const relation = this.relations.get(oid)
    if (!relation) throw new Error(`relation ${oid} is not in the snapshot`)
    return relation
  }

  /** The node that one end of an edge means; a column that is none by itself stands for its relation. */
  nodeOf(key: string): Node | undefined {
    return this.nodes.get(key) ?? this.nodes.get(key.replace(/^(pg_class:\d+):\d+$/, '$1:0'))
  }

  name(oid: Oid): QualifiedName {
    const { nspname, relname } = this.relation(oid)
    return { schema: nspname, name: relname }
  }

  /** What a table and, of a host table, its partitions hold; rows as the planner estimates them, 0 where it does not know. */
  size(oid: Oid): { readonly bytes: number; readonly rows: number } {
    const all = new Set([oid, ...this.members(oid).map((m) => m.relid)])
    const sizes = this.snapshot.sizes.filter((s) => all.has(s.oid))
    return {
      bytes: sizes.reduce((sum, s) => sum + s.bytes, 0),
      rows: sizes.reduce((sum, s) => sum + Math.max(0, Math.round(s.reltuples)), 0),
    }
  }

  columns(oid: Oid): readonly Column[] {
    return this.#columns.get(oid) ?? []
  }

  isRemoved(oid: Oid, attnum: number): boolean {
    return this.gone.get(oid)?.some((c) => c.attnum === attnum) ?? false
  }

  /** A table that stays and loses columns, or a partition of one. */
  isHost(oid: Oid): boolean {
    return this.gone.has(oid)
  }

  /** The partitions of a host table, parents before theirs; none where it is not partitioned. */
  members(oid: Oid): readonly Member[] {
    return this.snapshot.members.filter((m) => m.root === oid)
  }

  /** The declared table that a relation is a partition of. */
  rootOf(oid: Oid): Oid | null {
    return this.#roots.get(oid) ?? null
  }

  /** It leaves because it is a partition of a table that does. */
  isPartitionOfMoved(oid: Oid): boolean {
    return this.relation(oid).relispartition && (this.parents.get(oid) ?? []).some((parent) => this.moved.has(parent))
  }

  isPartitioned(oid: Oid): boolean {
    return this.relations.get(oid)?.relkind === 'p'
  }

  /** How the declaration spells a table, or would: two spellings of one table are one too many. */
  spell(object: QualifiedName): string {
    const { columns, constraints, triggers, policies, rules } = this.feature
    for (const field of [columns, constraints, triggers, policies, rules])
      for (const spelled of Object.keys(field ?? {})) {
        const name = parseName(spelled, this.schema)
        if (name.schema === object.schema && name.name === object.name) return spelled
      }
    return spellName(object, this.schema)
  }

  /** The entry of a per-table field for a table, however its name is written. */
  perTable<T>(field: Readonly<Record<string, T | undefined>> | undefined, table: QualifiedName): T | undefined {
    for (const [spelled, entry] of Object.entries(field ?? {})) {
      const name = parseName(spelled, this.schema)
      if (name.schema === table.schema && name.name === table.name) return entry
    }
    return undefined
  }
}

/** `schema.name` for people: quoted where it must be, `public` left out. */
export function shown({ schema, name }: QualifiedName): string {
  const plain = (part: string) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : id(part))
  return schema === 'public' ? plain(name) : `${plain(schema)}.${plain(name)}`
}
