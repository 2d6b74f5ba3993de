import { addressKey, type Node } from '../catalog/dependency.ts'
import type { JudgedKind } from '../catalog/verdicts/kinds.ts'
import type { Suggestion } from '../errors.ts'
import type { Model } from './model.ts'
import { hasBackupsName, isKeptByUs } from './kept-by-us.ts'
import { rootForeignKey } from './objects/partitioned-foreign-keys.ts'

/** Where a node of the dependency graph stands with regard to the declaration. */
export type Standing =
  | { readonly kind: 'declared' }
  /** It belongs to something declared by its nature and goes along with it. */
  | { readonly kind: 'by nature'; readonly of: string }
  /** It would vanish or break, and the declaration could name it. */
  | { readonly kind: 'undeclared'; readonly suggest: (suggestion: Suggestion) => void }
  /** No declaration can help: we do not know how to restore it. */
  | { readonly kind: 'refused'; readonly reason: string }

const declared: Standing = { kind: 'declared' }
const byNature = (of: string): Standing => ({ kind: 'by nature', of })
const refused = (reason: string): Standing => ({ kind: 'refused', reason })

const notKnown = (node: Node) => refused(`${node.description}: this kind of object cannot be restored`)

/** Judges one object that depends on the feature. */
export function standing(model: Model, node: Node): Standing {
  if (model.declared.has(addressKey(node))) return declared
  const kind = node.subkind === null ? node.catalog : `${node.catalog}.${node.subkind}`
  const judge = (judges as Partial<Record<string, Judge>>)[kind]
  return judge ? judge(model, node) : notKnown(node)
}

type Judge = (model: Model, node: Node) => Standing

/** A relation that leaves altogether: a moved table or a declared view. */
const leaves = (model: Model, oid: string | null) => oid !== null && (model.moved.has(oid) || model.views.has(oid))

/** The same, or a view that will leave once it is declared: the suggestion names it, not what hangs on it. */
const willLeave = (model: Model, oid: string | null) =>
  leaves(model, oid) ||
  (oid !== null &&
    model.nodes.has(addressKey({ catalog: 'pg_class', objid: oid, objsubid: 0 })) &&
    ['v', 'm'].includes(model.relations.get(oid)?.relkind ?? ''))

/** PostgreSQL made it together with something else, and it goes only with that. */
const isPart = (model: Model, node: Node) =>
  model.snapshot.edges.some((e) => e.dependent === addressKey(node) && e.deptype === 'i')

const owner = (model: Model, node: Node) => model.spell(model.name(node.owner_relid ?? node.objid))

/** A constraint is met by itself and by its index, a view as a whole and for each column whose type goes. */
const undeclared = (names: (s: Suggestion) => string[], name: string): Standing => ({
  kind: 'undeclared',
  suggest: (s) => {
    const all = names(s)
    if (!all.includes(name)) all.push(name)
  },
})

const perTable = (field: 'constraints' | 'triggers' | 'policies' | 'rules', table: string, name: string): Standing =>
  undeclared((s) => ((s[field] ??= {})[table] ??= []), name)

const listed = (
  field: 'views' | 'functions' | 'indexes' | 'types' | 'sequences' | 'statistics' | 'tables',
  name: string,
): Standing => undeclared((s) => (s[field] ??= []), name)

/** Whatever leaves takes its relation along. */
const unlessLeaving =
  (judge: Judge): Judge =>
  (model, node) =>
    leaves(model, node.objid) ? byNature(model.spell(model.name(node.objid))) : judge(model, node)

const judgeView = unlessLeaving((model, node) =>
  isTemporary(model, node)
    ? { kind: 'undeclared', suggest: () => undefined }
    : listed('views', model.spell(model.name(node.objid))),
)

/** It goes when its session ends: no declaration takes it along. */
export const isTemporary = (model: Model, node: Node): boolean =>
  node.catalog === 'pg_class' && model.relations.get(node.objid)?.relpersistence === 't'

const judgeComposite = unlessLeaving((model, { objid }) => {
  const type = model.snapshot.types.find((t) => t.oid === model.relation(objid).reltype)
  if (type && model.declared.has(addressKey({ catalog: 'pg_type', objid: type.oid, objsubid: 0 })))
    return byNature(type.typname)
  return listed('types', model.spell(model.name(objid)))
})

/** It inherits from a table of the feature: the tree leaves as a whole, or stays. */
export function isChild(model: Model, { catalog, objid, objsubid }: Node): boolean {
  const relation = catalog === 'pg_class' && objsubid === 0 ? model.relations.get(objid) : undefined
  return (
    relation !== undefined && ['r', 'p'].includes(relation.relkind) && !relation.typed && relation.parents.length > 0
  )
}

const judgeTable = unlessLeaving((model, node) => {
  const { objid, objsubid } = node
  if (objsubid === 0)
    return isChild(model, node)
      ? listed('tables', model.spell(model.name(objid)))
      : refused(`${node.description} inherits from, is a partition of or is typed by the feature`)
  if (model.isRemoved(objid, objsubid)) return declared
  if (isKeptByUs(model, objid) || hasBackupsName(model, objid)) return byNature(model.spell(model.name(objid)))
  const column = model.columns(objid).find((c) => c.attnum === objsubid)
  const table = model.spell(model.name(objid))
  // a partition has its columns from the partitioned table, which is met too
  if (model.relation(objid).relispartition && column?.inherited) return byNature(table)
  return {
    kind: 'undeclared',
    suggest: (s) => {
      const tables = (s.columns ??= {})
      ;(tables[table] ??= []).push(column?.attname ?? '')
    },
  }
})

function judgeIndex(model: Model, node: Node): Standing {
  const index = model.indexes.get(node.objid)
  if (!index || willLeave(model, index.indrelid)) return byNature(owner(model, node))
  // what is declared is the index of the partitioned table
  if (index.attached) return byNature(owner(model, node))
  if (index.conoid) {
    const constraint = model.constraints.get(index.conoid)
    if (constraint && model.declared.has(addressKey({ catalog: 'pg_constraint', objid: constraint.oid, objsubid: 0 })))
      return byNature(constraint.conname)
  }
  if (index.table_columns.length > 0 && index.table_columns.every((n) => model.isRemoved(index.indrelid, n)))
    return byNature(owner(model, node))
  if (index.conoid) return perTable('constraints', owner(model, node), constraintName(model, index.conoid))
  return listed('indexes', model.spell({ schema: index.nspname, name: index.relname }))
}

const constraintName = (model: Model, oid: string) => model.constraints.get(oid)?.conname ?? ''

function judgeSequence(model: Model, node: Node): Standing {
  const sequence = model.snapshot.sequences.find((s) => s.seqrelid === node.objid)
  const { owner_relid: relid, owner_attnum: attnum } = sequence ?? {}
  if (relid && (leaves(model, relid) || model.isRemoved(relid, attnum ?? 0)))
    return byNature(model.spell(model.name(relid)))
  return listed('sequences', model.spell(model.name(node.objid)))
}

/** The domain that a constraint belongs to, where that is met too and judged by itself. */
const domainOf = (model: Model, node: Node) =>
  model.snapshot.edges.some(
    (e) => e.dependent === addressKey(node) && e.deptype === 'a' && model.nodes.get(e.referenced)?.subkind === 'd',
  )

function judgeConstraint(model: Model, node: Node): Standing {
  const constraint = model.constraints.get(node.objid)
  if (!constraint) {
    if (node.owner_relid === null)
      return domainOf(model, node)
        ? byNature('its type')
        : refused(`${node.description}, a domain that stays, needs a part of the feature`)
    // NOT NULL of a column: with that
    return leaves(model, node.owner_relid) || model.isHost(node.owner_relid)
      ? byNature('its column')
      : refused(`${node.description} of a table that stays`)
  }
  const { conrelid, contype, conkey } = constraint
  if (model.rootOf(conrelid) !== null && (constraint.inherited || constraint.conparentid !== '0'))
    return byNature(owner(model, node))
  if (leaves(model, conrelid)) return byNature(owner(model, node))
  // a foreign key of or to a partitioned table has parts, which go and come with it
  const root = rootForeignKey(model, constraint)
  if (contype === 'f' && root !== constraint) return byNature(root.conname)
  const removedOnly = conkey !== null && conkey.length > 0 && conkey.every((n) => model.isRemoved(conrelid, n))
  // a check that names a removed column says nothing without it; other constraints over kept columns do
  if (removedOnly || (contype === 'c' && conkey?.some((n) => model.isRemoved(conrelid, n))))
    return byNature(owner(model, node))
  return perTable('constraints', owner(model, node), constraint.conname)
}

function judgeDefault(model: Model, node: Node): Standing {
  const relid = node.owner_relid ?? ''
  const column = model.columns(relid).find((c) => c.attnum === node.owner_attnum)
  if (leaves(model, relid) || !column || model.isRemoved(relid, column.attnum)) return byNature('its column')
  if (column.attgenerated !== '') return byNature('its generated column')
  return refused(`${node.description} of a table that stays needs a part of the feature`)
}

function judgeTrigger(model: Model, node: Node): Standing {
  const trigger = model.snapshot.triggers.find((t) => t.oid === node.objid)
  if (!trigger || willLeave(model, trigger.tgrelid)) return byNature(owner(model, node))
  if (trigger.cloned && model.rootOf(trigger.tgrelid) !== null) return byNature(owner(model, node))
  return perTable('triggers', owner(model, node), trigger.tgname)
}

function judgePolicy(model: Model, node: Node): Standing {
  if (leaves(model, node.owner_relid)) return byNature(owner(model, node))
  const policy = model.snapshot.policies.find((p) => p.oid === node.objid)
  return perTable('policies', owner(model, node), policy?.polname ?? '')
}

function judgeRule(model: Model, node: Node): Standing {
  if (willLeave(model, node.owner_relid)) return byNature(owner(model, node))
  const rule = model.snapshot.rules.find((r) => r.oid === node.objid)
  return rule ? perTable('rules', owner(model, node), rule.rulename) : byNature('its view')
}

function judgeType(model: Model, node: Node): Standing {
  if (leaves(model, node.owner_relid)) return byNature(owner(model, node))
  if (isPart(model, node)) return byNature('its type or relation')
  const type = model.snapshot.types.find((t) => t.oid === node.objid)
  if (!type) return refused(node.description)
  return listed('types', model.spell({ schema: type.nspname, name: type.typname }))
}

function judgeStatistics(model: Model, node: Node): Standing {
  const { owner_relid: relid } = node
  if (relid === null || willLeave(model, relid) || model.isHost(relid)) return byNature(owner(model, node))
  const statistics = model.snapshot.statistics.find((s) => s.oid === node.objid)
  return statistics
    ? listed('statistics', model.spell({ schema: statistics.nspname, name: statistics.stxname }))
    : refused(node.description)
}

/** A table leaves its publications and is in them again; one that stays is in them with other columns meanwhile. */
function judgeMembership(model: Model, node: Node): Standing {
  const { owner_relid: relid } = node
  return relid !== null && (model.moved.has(relid) || model.isHost(relid))
    ? byNature(owner(model, node))
    : notKnown(node)
}

function judgeRoutine(model: Model, node: Node): Standing {
  if (isPart(model, node)) return byNature('its type')
  const routine = model.snapshot.routines.find((r) => r.oid === node.objid)
  return routine
    ? listed(
        'functions',
        `${model.spell({ schema: routine.nspname, name: routine.proname })}(${routine.argument_types})`,
      )
    : refused(node.description)
}

/** One judge for each kind that is restored or moved; what has none is refused by name. */
const judges: Readonly<Record<JudgedKind, Judge>> = {
  'pg_class.r': judgeTable,
  'pg_class.p': judgeTable,
  'pg_class.v': judgeView,
  'pg_class.m': judgeView,
  'pg_class.i': unlessLeaving(judgeIndex),
  'pg_class.I': unlessLeaving(judgeIndex),
  'pg_class.S': unlessLeaving(judgeSequence),
  'pg_class.c': judgeComposite,
  'pg_constraint.c': judgeConstraint,
  'pg_constraint.f': judgeConstraint,
  'pg_constraint.n': judgeConstraint,
  'pg_constraint.p': judgeConstraint,
  'pg_constraint.t': () => byNature('its trigger'),
  'pg_constraint.u': judgeConstraint,
  'pg_constraint.x': judgeConstraint,
  pg_attrdef: judgeDefault,
  pg_trigger: judgeTrigger,
  pg_policy: judgePolicy,
  pg_publication_rel: judgeMembership,
  pg_rewrite: judgeRule,
  pg_statistic_ext: judgeStatistics,
  'pg_type.b': judgeType,
  'pg_type.c': judgeType,
  'pg_type.d': judgeType,
  'pg_type.e': judgeType,
  'pg_type.r': judgeType,
  'pg_type.m': judgeType,
  'pg_proc.f': judgeRoutine,
  'pg_proc.p': judgeRoutine,
  'pg_proc.w': judgeRoutine,
  'pg_proc.a': judgeRoutine,
  // PostgreSQL makes one with each range type
  pg_cast: (model, node) => (isPart(model, node) ? byNature('its type') : notKnown(node)),
}

export interface Dependents {
  readonly undeclared: readonly Node[]
  readonly refused: readonly string[]
  readonly suggestion: Suggestion
  readonly standings: ReadonlyMap<string, Standing>
}

/** Judges everything that hangs on the feature. */
export function dependents(model: Model): Dependents {
  const undeclared: Node[] = []
  const refusals: string[] = []
  const suggestion: Suggestion = {}
  const standings = new Map<string, Standing>()
  for (const node of model.snapshot.nodes) {
    const found = standing(model, node)
    standings.set(addressKey(node), found)
    if (found.kind === 'undeclared') {
      undeclared.push(node)
      found.suggest(suggestion)
    }
    if (found.kind === 'refused') refusals.push(found.reason)
  }
  return { undeclared, refused: refusals, suggestion, standings }
}
