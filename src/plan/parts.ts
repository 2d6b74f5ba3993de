import { addressKey } from '../catalog/dependency.ts'
import type { Oid } from '../catalog/fragments.ts'
import type { Index } from '../catalog/index.ts'
import type { Relation } from '../catalog/relation.ts'
import { hiddenName } from '../names.ts'
import { id, qualified } from '../sql.ts'
import { generatedColumns, planHost, storedColumns } from './objects/host.ts'
import type { Model } from './model.ts'
import { takesMovedRows } from './data/moved-rows.ts'
import {
  isDrawnFrom,
  isMovedRoutine,
  movedRoutine,
  movedSequence,
  movedTable,
  movedType,
  ownedSequences,
  type Rename,
} from './objects/moved.ts'
import { recreatedConstraint } from './objects/constraints.ts'
import {
  recreatedPolicy,
  recreatedRoutine,
  recreatedRule,
  recreatedStatistics,
  recreatedView,
  type Recreated,
  withPartition,
} from './objects/objects.ts'
import { inDependencyOrder } from './order.ts'
import { recreatedForeignKey } from './objects/partitioned-foreign-keys.ts'
import type { HostPlan } from './plan.ts'
import { withCopies } from './objects/partition-checks.ts'
import { prebuiltViews } from './objects/prebuilt.ts'
import { recreatedTrigger } from './objects/triggers.ts'

/** What a removal deals with, sorted by how it goes and comes back. */
export interface Parts {
  readonly hosts: readonly HostPlan[]
  /** Dropped and created again, in the order of creation. */
  readonly recreated: readonly Recreated[]
  /** Renamed; back before the columns are added. */
  readonly early: readonly Rename[]
  /** Renamed; back at the reveal. */
  readonly tables: readonly Rename[]
  /** Materialized views that are built before the reveal, under hidden names. */
  readonly prebuilt: readonly Relation[]
  /** Of host tables; built again before the reveal. */
  readonly indexes: readonly Index[]
}

export function collectParts(model: Model): Parts {
  return {
    hosts: [...model.removed.keys()]
      .filter((oid) => storedColumns(model, oid).length > 0)
      .map((oid) => planHost(model, oid)),
    recreated: inDependencyOrder(model, collectRecreated(model)),
    early: collectEarlyRenames(model),
    tables: [...[...model.moved].map((oid) => movedTable(model, oid)), ...movedRoutines(model, true)],
    prebuilt: prebuiltViews(model),
    indexes: capturedIndexes(model),
  }
}

/** Everything that is dropped and created again. */
function collectRecreated(model: Model): Recreated[] {
  const { snapshot } = model
  const here = (catalog: string, oid: Oid) => model.nodes.has(addressKey({ catalog, objid: oid, objsubid: 0 }))
  const onMoved = (oid: Oid) => model.moved.has(oid)
  return [
    ...snapshot.routines
      .filter((r) => here('pg_proc', r.oid) && !isMovedRoutine(model, r))
      .map((r) => recreatedRoutine(model, r)),
    ...snapshot.constraints.flatMap((k) => {
      const over = model.gone.get(k.conrelid)?.some((c) => k.conkey?.includes(c.attnum)) ?? false
      if (!here('pg_constraint', k.oid)) return []
      if (k.contype === 'f') return recreatedForeignKey(model, k, { columnGoes: over }) ?? []
      const goes = !onMoved(k.conrelid) && model.relations.has(k.conrelid)
      // a partition's copy comes with the check of its parent
      if (k.contype === 'c' && k.inherited && model.rootOf(k.conrelid) !== null) return []
      return goes
        ? [withCopies(model, k, withPartition(model, k.conrelid, recreatedConstraint(model, k, { columnGoes: over })))]
        : []
    }),
    ...snapshot.relations.filter((r) => model.views.has(r.oid)).map((r) => recreatedView(model, r)),
    ...snapshot.statistics
      .filter((s) => !onMoved(s.stxrelid) && here('pg_statistic_ext', s.oid))
      .map((s) => withPartition(model, s.stxrelid, recreatedStatistics(s))),
    ...snapshot.policies
      .filter((p) => needsRecreation(model, 'pg_policy', p.oid, p.polrelid))
      .map((p) => withPartition(model, p.polrelid, recreatedPolicy(model, p))),
    ...snapshot.rules
      .filter((r) => needsRecreation(model, 'pg_rewrite', r.oid, r.ev_class))
      .map((r) => withPartition(model, r.ev_class, recreatedRule(model, r))),
    ...snapshot.triggers
      .filter((t) => !t.cloned && needsRecreation(model, 'pg_trigger', t.oid, t.tgrelid))
      .map((t) => withPartition(model, t.tgrelid, recreatedTrigger(model, t))),
  ]
}

/** Whether a policy, rule or trigger has to be dropped and created again; one of a moved table stays attached where it can. */
export const needsRecreation = (model: Model, catalog: string, oid: Oid, relid: Oid) =>
  model.nodes.has(addressKey({ catalog, objid: oid, objsubid: 0 })) &&
  (!model.moved.has(relid) || dependsOnDropped(model, `${catalog}:${oid}:0`))

/** Whether something that is moved depends on something that is dropped, so that it cannot stay attached. */
export function dependsOnDropped(model: Model, key: string): boolean {
  return model.snapshot.edges.some(({ dependent, referenced }) => {
    if (dependent !== key) return false
    const node = model.nodeOf(referenced)
    if (!node) return false
    if (node.catalog === 'pg_proc') {
      const routine = model.snapshot.routines.find((r) => r.oid === node.objid)
      return routine !== undefined && !isMovedRoutine(model, routine)
    }
    if (node.catalog === 'pg_type') return node.owner_relid !== null && model.views.has(node.owner_relid)
    if (node.catalog !== 'pg_class') return false
    return model.views.has(node.objid) || model.isRemoved(node.objid, node.objsubid)
  })
}

/** Types, sequences and functions that come back before the columns do. */
function collectEarlyRenames(model: Model): Rename[] {
  const { snapshot } = model
  const declaredTypes = snapshot.types.filter((t) =>
    model.declared.has(addressKey({ catalog: 'pg_type', objid: t.oid, objsubid: 0 })),
  )
  const serials = [...model.removed.keys()].flatMap((oid) =>
    snapshot.sequences.filter(
      (s) => s.owner_relid === oid && s.owner_kind === 'a' && model.isRemoved(oid, s.owner_attnum ?? 0),
    ),
  )
  const standalone = snapshot.declared.flatMap((d) => (d.field === 'sequences' && d.found ? [d.found.objid] : []))
  const owned = new Set(
    [...model.moved].flatMap((oid) => snapshot.sequences.filter((s) => s.owner_relid === oid).map((s) => s.seqrelid)),
  )
  const drawnFrom = [...model.moved].flatMap((oid) => ownedSequences(model, oid)).filter((s) => isDrawnFrom(model, s))
  return [
    ...declaredTypes.map((t) => movedType(model, t)),
    ...serials.map((s) => {
      const rename = movedSequence(model, s.seqrelid)
      const column = model.columns(s.owner_relid ?? '').find((c) => c.attnum === s.owner_attnum)
      const table = qualified(model.name(s.owner_relid ?? ''))
      const name = qualified(model.name(s.seqrelid))
      return {
        ...rename,
        away: [`alter sequence ${name} owned by none`, ...rename.away],
        owned: `alter sequence ${name} owned by ${table}.${id(hiddenName(column?.attname ?? ''))}`,
      }
    }),
    ...standalone
      .filter((oid) => !owned.has(oid) && !serials.some((s) => s.seqrelid === oid))
      .map((oid) => movedSequence(model, oid)),
    ...drawnFrom.map((oid) => movedSequence(model, oid)),
    ...movedRoutines(model, false),
  ]
}

/** Functions that are renamed; those whose arguments are rows of moved tables come back after these. */
function movedRoutines(model: Model, ofMovedRows: boolean): Rename[] {
  return model.snapshot.routines
    .filter(
      (r) => model.nodes.has(addressKey({ catalog: 'pg_proc', objid: r.oid, objsubid: 0 })) && isMovedRoutine(model, r),
    )
    .filter((r) => takesMovedRows(model, r.oid) === ofMovedRows)
    .map((r) => movedRoutine(model, r))
}

/** Indexes of host tables that go with a column, or were declared; built again before the reveal. */
const capturedIndexes = (model: Model): Index[] =>
  model.snapshot.indexes.filter(
    (i) =>
      !model.moved.has(i.indrelid) &&
      !model.views.has(i.indrelid) &&
      !i.indisexclusion &&
      model.nodes.has(addressKey({ catalog: 'pg_class', objid: i.indexrelid, objsubid: 0 })),
  )

/** Indexes over generated columns can only be built when those are back. */
export const overGenerated = (model: Model, index: Index) =>
  generatedColumns(model, index.indrelid).some((c) => index.table_columns.includes(c.attnum))
