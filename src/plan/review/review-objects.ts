import { addressKey, type Node } from '../../catalog/dependency.ts'
import { aheadOfLocks } from '../ahead.ts'
import { hasWord } from '../refusals/kept-triggers.ts'
import { shown, type Model } from '../model.ts'
import type { RemovalPlan } from '../plan.ts'
import { qualified } from '../../sql.ts'

/** Something that goes, or is renamed, and why. */
export interface ReviewObject {
  /** As PostgreSQL describes it; `public` left out. */
  readonly object: string
  readonly kind: string
  /** The table or view that it is, or is a part of. */
  readonly relation: string | null
  readonly fate: string
  readonly why: string
}

/** What goes in one piece: a view, a function, a table with its parts, a host table's columns. */
export interface ReviewUnit {
  readonly name: string
  /** `parts` of a table that stays with all its columns. */
  readonly kind: string
  /** Columns of a host table. */
  readonly columns: readonly string[]
  /** How many parts of which kind: `3 indexes`. */
  readonly parts: readonly { readonly kind: string; readonly count: number }[]
}

/** One unit needs another, or its text only mentions it. */
export interface UnitDependency {
  readonly from: string
  readonly to: string
  readonly how: 'depends on' | 'mentions'
}

export interface ReviewedObjects {
  readonly objects: ReviewObject[]
  readonly units: ReviewUnit[]
  readonly dependencies: UnitDependency[]
}

const CONSTRAINTS: Readonly<Record<string, string>> = {
  c: 'check',
  f: 'foreign key',
  n: 'not null',
  p: 'primary key',
  u: 'unique constraint',
  x: 'exclusion constraint',
  t: 'constraint trigger',
}
const RELATIONS: Readonly<Record<string, string>> = {
  r: 'table',
  p: 'table',
  f: 'table',
  v: 'view',
  m: 'materialized view',
  i: 'index',
  I: 'index',
  S: 'sequence',
  c: 'type',
}
const CATALOGS: Readonly<Record<string, string>> = {
  pg_proc: 'function',
  pg_type: 'type',
  pg_trigger: 'trigger',
  pg_policy: 'policy',
  pg_rewrite: 'rule',
  pg_attrdef: 'default',
  pg_statistic_ext: 'statistics',
}

/** Within a unit: itself first, then its parts. */
const ORDER = [
  'view',
  'materialized view',
  'table',
  'column',
  'default',
  'primary key',
  'foreign key',
  'check',
  'index',
]
const rank = (kind: string) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length)

/** What of a plan a reviewer wants to see: PostgreSQL's own triggers and row types left out. */
export function reviewObjects(model: Model, plan: RemovalPlan): ReviewedObjects {
  const handling = new Map(plan.objects.map((o) => [`${o.kind} ${o.identity}`, o.handling]))
  const order = unitOrder(model, plan)
  const nodes = model.snapshot.nodes
    .filter((node) => node.user_defined && isShown(model, node))
    .map((node) => ({ node, kind: kindOf(node), unit: unitOf(model, node) }))
    .sort((a, b) => (order.get(a.unit) ?? 0) - (order.get(b.unit) ?? 0) || rank(a.kind) - rank(b.kind))
  const objects = nodes.map(({ node, kind, unit }) => ({
    object: plain(node.description),
    kind,
    relation: relationOf(model, node) === null ? null : unit,
    fate: fate(model, node, kind, handling.get(`${node.catalog} ${node.description}`) ?? 'goes along'),
    why: why(model, node),
  }))
  const units = [...new Set(nodes.map(({ unit }) => unit))].map((name): ReviewUnit => {
    const own = nodes.filter(({ unit }) => unit === name)
    const columns = own.filter(({ node }) => isColumn(node)).map(({ node }) => columnName(model, node))
    const parts = own.filter(({ node, kind }) => !isColumn(node) && !isUnit(model, node) && kind !== 'default')
    return {
      name,
      kind: columns.length > 0 ? 'columns' : (own.find(({ node }) => isUnit(model, node))?.kind ?? 'parts'),
      columns,
      parts: countKinds(parts.map(({ kind }) => kind)),
    }
  })
  return { objects, units, dependencies: dependencies(model) }
}

/** Where in the cut-over each unit goes: by the first statement that takes it away as a whole. */
function unitOrder(model: Model, plan: RemovalPlan): Map<string, number> {
  const order = new Map<string, number>()
  const { statements } = aheadOfLocks(
    plan.removal.filter((s) => s.phase === 'cut over'),
    [],
    [],
  )
  for (const node of model.snapshot.nodes.filter((n) => n.user_defined && isShown(model, n))) {
    if (!isUnit(model, node) && !isColumn(node)) continue
    const away = plan.objects.find((o) => o.kind === node.catalog && o.identity === node.description)?.removalSql
    const drops = isColumn(node) ? `alter table ${qualified(model.name(node.objid))} drop column ` : null
    const found = statements.findIndex(({ sql }) => (drops === null ? away?.includes(sql) : sql.startsWith(drops)))
    const unit = unitOf(model, node)
    order.set(unit, Math.min(found < 0 ? statements.length : found, order.get(unit) ?? statements.length))
  }
  return order
}

const plain = (description: string) => description.replaceAll(/\bpublic\./g, '')

const isColumn = (node: Node) => node.catalog === 'pg_class' && node.objsubid > 0

function isShown(model: Model, node: Node): boolean {
  switch (node.catalog) {
    case 'pg_trigger': // those that PostgreSQL made for a foreign key are its own
      return model.snapshot.triggers.some((t) => t.oid === node.objid)
    case 'pg_type': // of rows, and of arrays
      return node.owner_relid === null && !node.description.endsWith('[]')
    case 'pg_rewrite':
      return !(node.owner_relid !== null && model.views.has(node.owner_relid))
    case 'pg_class': // the index of a constraint is told with that
      return !model.snapshot.indexes.some((i) => i.indexrelid === node.objid && i.conoid !== null)
    default:
      return true
  }
}

function kindOf(node: Node): string {
  if (isColumn(node)) return 'column'
  if (node.catalog === 'pg_class') return RELATIONS[node.relkind ?? ''] ?? 'relation'
  if (node.catalog === 'pg_constraint') return CONSTRAINTS[node.subkind ?? ''] ?? 'constraint'
  if (node.catalog === 'pg_proc') return node.description.split(' ', 1)[0] ?? 'function'
  return CATALOGS[node.catalog] ?? node.catalog
}

/** The relation that a node is, or belongs to. */
function relationOf(model: Model, node: Node): string | null {
  if (node.owner_relid !== null) return node.owner_relid
  const sequence = model.snapshot.sequences.find((s) => s.seqrelid === node.objid)
  if (node.catalog === 'pg_class' && sequence?.owner_relid && model.relations.has(sequence.owner_relid))
    return sequence.owner_relid
  if (node.catalog === 'pg_class' && node.relkind !== 'S') return node.objid
  return null
}

function unitOf(model: Model, node: Node): string {
  const relid = relationOf(model, node)
  if (relid !== null && model.relations.has(relid)) return shown(model.name(relid))
  return plain(node.description).replace(/^\w+ /, '')
}

const isUnit = (model: Model, node: Node) => {
  const relid = relationOf(model, node)
  return relid === null || (relid === node.objid && !isColumn(node))
}

function unitKind(model: Model, node: Node): string {
  const relid = relationOf(model, node)
  if (relid === null) return kindOf(node)
  if (model.views.has(relid)) return model.relation(relid).relkind === 'm' ? 'materialized view' : 'view'
  return model.moved.has(relid) ? 'table' : 'column'
}

function columnName(model: Model, node: Node): string {
  const column = model.columns(node.objid).find((c) => c.attnum === node.objsubid)
  return column?.attname ?? String(node.objsubid)
}

function fate(model: Model, node: Node, kind: string, handling: RemovalPlan['objects'][number]['handling']): string {
  const relid = relationOf(model, node)
  if (relid !== null && model.moved.has(relid) && handling !== 'recreated')
    return isUnit(model, node) ? 'renamed, kept as the backup' : 'kept with the renamed table'
  switch (handling) {
    case 'moved':
      return 'renamed, kept'
    case 'recreated':
      return 'dropped; the restore creates it again'
    case 'backed up':
      return 'dropped after its values are copied'
    case 'goes along':
      return kind === 'index' ? 'dropped with its columns; the restore builds it again' : 'goes along, comes back along'
  }
}

/** Declared; or what it hangs on. */
function why(model: Model, node: Node): string {
  const key = addressKey(node)
  if (model.declared.has(key)) return 'declared'
  const relid = relationOf(model, node)
  if (relid !== null && (model.moved.has(relid) || model.views.has(relid)))
    return `part of ${unitKind(model, node)} ${shown(model.name(relid))}`
  const needs = model.snapshot.edges
    .filter((edge) => edge.dependent === key)
    .flatMap((edge) => model.nodes.get(edge.referenced) ?? [])
    .filter((needed) => model.declared.has(addressKey(needed)))
    .map((needed) => (isColumn(needed) ? `column ${columnName(model, needed)}` : plain(needed.description)))
  return needs.length > 0 ? `depends on ${[...new Set(needs)].join(', ')}` : 'belongs to what is declared'
}

function countKinds(kinds: readonly string[]): { kind: string; count: number }[] {
  return [...new Set(kinds)].map((kind) => ({ kind, count: kinds.filter((k) => k === kind).length }))
}

function dependencies(model: Model): UnitDependency[] {
  const found = new Map<string, UnitDependency>()
  const add = (from: string, to: string, how: UnitDependency['how']) => {
    const key = `${from}\n${to}`
    if (from !== to && !found.has(key)) found.set(key, { from, to, how })
  }
  for (const { dependent, referenced } of model.snapshot.edges) {
    const from = model.nodeOf(dependent)
    const to = model.nodeOf(referenced)
    if (from?.user_defined && to?.user_defined && known(model, from) && known(model, to))
      add(unitOf(model, from), unitOf(model, to), 'depends on')
  }
  for (const key of model.snapshot.constraints)
    if (key.contype === 'f' && model.moved.has(key.conrelid) && model.isHost(key.confrelid))
      add(shown(model.name(key.conrelid)), shown(model.name(key.confrelid)), 'depends on')
  // PostgreSQL does not track what a function's text speaks of
  for (const routine of model.snapshot.routines) {
    const node = model.nodes.get(addressKey({ catalog: 'pg_proc', objid: routine.oid, objsubid: 0 }))
    if (!node) continue
    for (const oid of [...model.moved, ...model.views])
      if (hasWord(routine.prosrc, model.name(oid).name)) add(unitOf(model, node), shown(model.name(oid)), 'mentions')
    for (const [oid, columns] of model.removed)
      if (hasWord(routine.prosrc, model.name(oid).name) && columns.some((c) => hasWord(routine.prosrc, c.attname)))
        add(unitOf(model, node), shown(model.name(oid)), 'mentions')
  }
  return [...found.values()]
}

/** Row types and the like stand for the relation that they belong to; PostgreSQL's own triggers for nothing. */
const known = (model: Model, node: Node) =>
  isShown(model, node) || (node.catalog !== 'pg_trigger' && relationOf(model, node) !== null)
