import { createHash } from 'node:crypto'
import { addressKey } from '../catalog/dependency.ts'
import type { Oid } from '../catalog/fragments.ts'
import type { Index } from '../catalog/index.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { hiddenName } from '../names.ts'
import { id, literal, qualified, type QualifiedName } from '../sql.ts'
import { catchUpStatement, copyStatement, fillStatement, unwatchStatements, watchStatements } from './backup.ts'
import { checkPresence, checkRestorable } from './check.ts'
import { planClaims } from './claims.ts'
import { planCounts } from './counts.ts'
import { dependents } from './dependents.ts'
import {
  columnStatements,
  generatedColumn,
  generatedColumns,
  identitySequence,
  planHost,
  storedColumns,
} from './host.ts'
import { planLocks } from './locks.ts'
import { Model, shown } from './model.ts'
import { isMovedRoutine, movedRoutine, movedSequence, movedTable, movedType, planMoved, type Rename } from './moved.ts'
import {
  inDependencyOrder,
  indexSettings,
  recreatedConstraint,
  recreatedPolicy,
  recreatedRoutine,
  recreatedRule,
  recreatedStatistics,
  recreatedTrigger,
  recreatedView,
  type Recreated,
} from './objects.ts'
import type {
  CapturePlan,
  HostPlan,
  LockMode,
  PlannedObject,
  RemovalPlan,
  RemovalPhase,
  RestorePhase,
  Statement,
} from './plan.ts'

/**
 * Turns a snapshot and a declaration into the statements of a removal and of
 * its restore. Pure.
 *
 * @throws {UnshipError} whatever the removal would refuse with.
 */
export function planFromSnapshot(snapshot: Snapshot, feature: FeatureDeclaration): RemovalPlan {
  const model = new Model(snapshot, feature)
  if (checkPresence(model) === 'absent') return absentPlan(model)
  const found = dependents(model)
  const warnings = checkRestorable(model, found)

  const hosts = [...model.removed.keys()]
    .filter((oid) => storedColumns(model, oid).length > 0)
    .map((oid) => planHost(model, oid))
  const recreated = inDependencyOrder(model, collectRecreated(model))
  const early = collectEarlyRenames(model)
  const tables = [...model.moved].map((oid) => movedTable(model, oid))
  const indexes = capturedIndexes(model)

  const restore: Statement<RestorePhase>[] = []
  const captures: CapturePlan[] = []
  restoreStatements(model, { hosts, recreated, early, tables, indexes, restore, captures })
  const removal = removalStatements(model, { hosts, recreated, early, tables, indexes })

  return {
    feature: feature.name,
    schema: model.schema,
    absent: false,
    objects: plannedObjects(model, { recreated, early, tables }),
    hosts,
    moved: [...model.moved].map((oid) => planMoved(model, oid)),
    locks: planLocks(model),
    takeBack: planTakeBack(model, { early, indexes }),
    claims: planClaims(model),
    removal,
    restore,
    captures,
    counts: planCounts(model),
    warnings: [...warnings, ...hosts.flatMap(keyWarning)],
    fingerprint: fingerprint([...removal, ...restore].map((s) => s.sql)),
  }
}

interface Parts {
  readonly hosts: readonly HostPlan[]
  readonly recreated: readonly Recreated[]
  readonly early: readonly Rename[]
  readonly tables: readonly Rename[]
  readonly indexes: readonly Index[]
}

const fingerprint = (texts: readonly string[]) => createHash('sha256').update(texts.join('\n;\n')).digest('hex')

function absentPlan(model: Model): RemovalPlan {
  const nothing = {
    objects: [],
    hosts: [],
    moved: [],
    locks: { cutOver: [], add: [], reveal: [] },
    takeBack: [],
    claims: [],
    removal: [],
    restore: [],
    captures: [],
    counts: [],
    warnings: [],
  }
  return { feature: model.feature.name, schema: model.schema, absent: true, ...nothing, fingerprint: fingerprint([]) }
}

const keyWarning = (host: HostPlan): string[] =>
  host.keyMayChange
    ? [
        `rows of ${shown(host.table)} are found again by ${host.key.join(', ')}: a row whose key changes while the feature is away does not get its values back`,
      ]
    : []

/** Everything that is dropped and created again. */
function collectRecreated(model: Model): Recreated[] {
  const { snapshot } = model
  const here = (catalog: string, oid: Oid) => model.nodes.has(addressKey({ catalog, objid: oid, objsubid: 0 }))
  const onMoved = (oid: Oid) => model.moved.has(oid)
  const needsDropped = (catalog: string, oid: Oid) => dependsOnDropped(model, `${catalog}:${oid}:0`)
  return [
    ...snapshot.routines
      .filter((r) => here('pg_proc', r.oid) && !isMovedRoutine(model, r))
      .map((r) => recreatedRoutine(model, r)),
    ...snapshot.constraints.flatMap((k) => {
      const over = model.removed.get(k.conrelid)?.some((c) => k.conkey?.includes(c.attnum)) ?? false
      const goes =
        k.contype === 'f'
          ? here('pg_constraint', k.oid) && !model.views.has(k.conrelid)
          : !onMoved(k.conrelid) && here('pg_constraint', k.oid) && model.relations.has(k.conrelid)
      return goes ? [recreatedConstraint(model, k, { columnGoes: over })] : []
    }),
    ...snapshot.relations.filter((r) => model.views.has(r.oid)).map((r) => recreatedView(model, r)),
    ...snapshot.statistics
      .filter((s) => !onMoved(s.stxrelid) && here('pg_statistic_ext', s.oid))
      .map((s) => recreatedStatistics(s)),
    ...snapshot.policies
      .filter((p) => here('pg_policy', p.oid) && (!onMoved(p.polrelid) || needsDropped('pg_policy', p.oid)))
      .map((p) => recreatedPolicy(model, p)),
    ...snapshot.rules
      .filter((r) => here('pg_rewrite', r.oid) && (!onMoved(r.ev_class) || needsDropped('pg_rewrite', r.oid)))
      .map((r) => recreatedRule(model, r)),
    ...snapshot.triggers
      .filter((t) => here('pg_trigger', t.oid) && (!onMoved(t.tgrelid) || needsDropped('pg_trigger', t.oid)))
      .map((t) => recreatedTrigger(model, t)),
  ]
}

/** Whether something that is moved depends on something that is dropped, so that it cannot stay attached. */
function dependsOnDropped(model: Model, key: string): boolean {
  return model.snapshot.edges.some(({ dependent, referenced }) => {
    if (dependent !== key) return false
    const node = model.nodes.get(referenced)
    if (!node) return false
    if (node.catalog === 'pg_proc') {
      const routine = model.snapshot.routines.find((r) => r.oid === node.objid)
      return routine !== undefined && !isMovedRoutine(model, routine)
    }
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
  return [
    ...declaredTypes.map(movedType),
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
    ...snapshot.routines
      .filter(
        (r) =>
          model.nodes.has(addressKey({ catalog: 'pg_proc', objid: r.oid, objsubid: 0 })) && isMovedRoutine(model, r),
      )
      .map(movedRoutine),
  ]
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
const overGenerated = (model: Model, index: Index) =>
  generatedColumns(model, index.indrelid).some((c) => index.table_columns.includes(c.attnum))

function removalStatements(model: Model, parts: Parts): Statement<RemovalPhase>[] {
  const { hosts, recreated, early, tables, indexes } = parts
  const statements: Statement<RemovalPhase>[] = []
  const add = (
    phase: RemovalPhase,
    sql: string,
    reason: string,
    lock: LockMode | null,
    relations: readonly QualifiedName[],
  ) => statements.push({ phase, action: 'run', sql, reason, lock, relations: relations.map(shown), object: null })

  for (const host of hosts) {
    for (const { sql, reason, locks } of watchStatements(host))
      add('watch', sql, reason, locks ? 'SHARE ROW EXCLUSIVE' : null, locks ? [host.table] : [])
  }
  for (const host of hosts) {
    add('copy', copyStatement(host), `values of ${shown(host.table)}`, 'ACCESS SHARE', [host.table])
    add(
      'copy',
      `alter table ${qualified(host.backup)} add primary key (${host.key.map((k) => id(k)).join(', ')})`,
      'one row per key',
      null,
      [],
    )
    const comment = `Columns ${host.columns.map((c) => c.name).join(', ')} of ${shown(host.table)}, removed with feature ${model.feature.name} by kysely-unship`
    add('copy', `comment on table ${qualified(host.backup)} is ${literal(comment)}`, 'says what it is', null, [])
  }
  for (const host of hosts) {
    add('cut over', catchUpStatement(host), 'rows that changed since the last catch-up', 'ROW SHARE', [host.table])
    for (const sql of unwatchStatements(host)) add('cut over', sql, 'the watch ends', 'ACCESS EXCLUSIVE', [host.table])
  }
  for (const oid of model.removed.keys()) {
    const table = qualified(model.name(oid))
    if (!indexes.some((i) => i.indrelid === oid)) continue
    for (const c of storedColumns(model, oid))
      add(
        'cut over',
        `alter table ${table} rename column ${id(c.attname)} to ${id(hiddenName(c.attname))}`,
        'so that index definitions can be read under the hidden name',
        'ACCESS EXCLUSIVE',
        [model.name(oid)],
      )
  }
  // here the runner reads what `captures` asks for
  add('cut over', CAPTURE_MARK, 'definitions under hidden names go to the ledger', null, [])
  for (const object of [...recreated].reverse())
    for (const sql of object.drop) add('cut over', sql, `${object.kind} of the feature`, 'ACCESS EXCLUSIVE', [])
  for (const index of indexes) {
    const goesWithColumn = index.conoid !== null || index.table_columns.some((n) => model.isRemoved(index.indrelid, n))
    if (!goesWithColumn)
      add(
        'cut over',
        `drop index ${qualified({ schema: index.nspname, name: index.relname })}`,
        'declared',
        'ACCESS EXCLUSIVE',
        [],
      )
  }
  for (const rename of [...tables, ...early])
    for (const sql of rename.away)
      add('cut over', sql, `${rename.kind} ${rename.identity} is kept as a backup`, 'ACCESS EXCLUSIVE', [])
  for (const oid of model.removed.keys()) {
    const hidden = indexes.some((i) => i.indrelid === oid)
    // generated columns first: they may be computed from others that go
    const drops = [...generatedColumns(model, oid), ...storedColumns(model, oid)].map(
      (c) => `drop column ${id(hidden && c.attgenerated === '' ? hiddenName(c.attname) : c.attname)}`,
    )
    add(
      'cut over',
      `alter table ${qualified(model.name(oid))} ${drops.join(', ')}`,
      'columns of the feature',
      'ACCESS EXCLUSIVE',
      [model.name(oid)],
    )
  }
  return statements
}

/** Stands in the list of statements where the cut-over stores what `captures` names. */
export const CAPTURE_MARK = '-- capture definitions'

interface RestoreParts extends Parts {
  readonly restore: Statement<RestorePhase>[]
  readonly captures: CapturePlan[]
}

function restoreStatements(model: Model, parts: RestoreParts): void {
  const { hosts, recreated, early, tables, indexes, restore, captures } = parts
  const add = (
    phase: RestorePhase,
    sql: string,
    reason: string,
    lock: LockMode | null,
    relations: readonly string[],
    action: Statement['action'] = 'run',
    object: string | null = null,
  ) => restore.push({ phase, action, sql, reason, lock, relations, object })

  for (const rename of early) for (const sql of rename.back) add('add', sql, `${rename.kind} comes back`, null, [])
  const after: { table: string; statements: ReturnType<typeof columnStatements> }[] = []
  for (const oid of model.removed.keys()) {
    const table = shown(model.name(oid))
    for (const column of storedColumns(model, oid)) {
      const statements = columnStatements(model, oid, column)
      for (const sql of statements.add)
        add('add', sql, `column ${column.attname} under its hidden name`, 'ACCESS EXCLUSIVE', [table])
      for (const expression of statements.captured) {
        captures.push({ position: restore.length, expression })
        add('add', '-- captured in the cut-over', 'the identity goes on where it stood', null, [])
      }
      after.push({ table, statements })
    }
  }
  for (const rename of early) if (rename.owned) add('add', rename.owned, 'serial column', 'ACCESS EXCLUSIVE', [])
  for (const host of hosts)
    add('fill', fillStatement(host), `values of ${shown(host.table)}`, 'ROW EXCLUSIVE', [shown(host.table)], 'fill')
  for (const { table, statements } of after) {
    for (const sql of statements.locked)
      add('build', sql, 'stands for NOT NULL until the reveal', 'ACCESS EXCLUSIVE', [table])
    for (const sql of statements.online)
      add('build', sql, 'stands for NOT NULL until the reveal', 'SHARE UPDATE EXCLUSIVE', [table])
  }
  const buildIndex = (phase: RestorePhase, index: Index) => {
    const table = shown(model.name(index.indrelid))
    captures.push({
      position: restore.length,
      expression: `pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(${index.indexrelid}), '^CREATE (UNIQUE )?INDEX ', 'CREATE \\1INDEX CONCURRENTLY ')`,
    })
    add(
      phase,
      '-- captured in the cut-over',
      `index ${index.relname}`,
      'SHARE UPDATE EXCLUSIVE',
      [table],
      'index',
      qualified({ schema: index.nspname, name: index.relname }),
    )
    for (const sql of indexSettings(index)) add(phase, sql, `index ${index.relname}`, 'SHARE UPDATE EXCLUSIVE', [table])
  }
  for (const index of indexes) if (!overGenerated(model, index)) buildIndex('build', index)
  for (const host of hosts)
    add(
      'build',
      `analyze ${qualified(host.table)} (${host.columns.map((c) => id(c.hidden)).join(', ')})`,
      'statistics for the planner',
      'SHARE UPDATE EXCLUSIVE',
      [shown(host.table)],
    )

  for (const rename of tables)
    for (const sql of rename.back)
      add('reveal', sql, `${rename.kind} ${rename.identity} comes back`, 'ACCESS EXCLUSIVE', [])
  for (const { table, statements } of after)
    for (const sql of statements.reveal) add('reveal', sql, 'column comes back', 'ACCESS EXCLUSIVE', [table])
  for (const index of indexes)
    for (const sql of namesWithin(model, index)) add('reveal', sql, `index ${index.relname}`, 'ACCESS EXCLUSIVE', [])
  for (const oid of model.removed.keys())
    for (const column of generatedColumns(model, oid))
      for (const sql of generatedColumn(model, oid, column))
        add('reveal', sql, 'generated column', 'ACCESS EXCLUSIVE', [shown(model.name(oid))])
  for (const object of recreated)
    for (const sql of object.create)
      add('reveal', sql, `${object.kind} ${object.identity} comes back`, 'ACCESS EXCLUSIVE', [])
  for (const index of indexes.filter((i) => i.indisclustered))
    add(
      'reveal',
      `alter table ${qualified(model.name(index.indrelid))} cluster on ${id(index.relname)}`,
      'its mark',
      'SHARE UPDATE EXCLUSIVE',
      [],
    )

  for (const index of indexes) if (overGenerated(model, index)) buildIndex('validate', index)
  for (const { validate, identity } of recreated)
    if (validate)
      add(
        'validate',
        validate.sql,
        `${identity} holds for every row`,
        'SHARE UPDATE EXCLUSIVE',
        [],
        validate.foreignKey ? 'validate foreign key' : 'run',
      )
}

/** What takes the hidden columns, and all that came back before them, away again. */
function planTakeBack(model: Model, { early, indexes }: Pick<Parts, 'early' | 'indexes'>): string[] {
  return [
    ...indexes.map((i) => `drop index if exists ${qualified({ schema: i.nspname, name: i.relname })}`),
    ...early.flatMap((rename) => rename.away),
    ...[...model.removed.keys()].flatMap((oid) =>
      storedColumns(model, oid).flatMap((c) => [
        `alter table ${qualified(model.name(oid))} drop column if exists ${id(hiddenName(c.attname))}`,
        ...(c.attidentity === '' ? [] : [`drop sequence if exists ${qualified(identitySequence(model.name(oid), c))}`]),
      ]),
    ),
  ]
}

/** An index keeps the hidden name for its own columns; this mends it. */
function namesWithin(model: Model, index: Index): string[] {
  return index.indkey.flatMap((attnum) => {
    const column = storedColumns(model, index.indrelid).find((c) => c.attnum === attnum)
    return column
      ? [
          `alter table ${qualified({ schema: index.nspname, name: index.relname })} rename column ${id(hiddenName(column.attname))} to ${id(column.attname)}`,
        ]
      : []
  })
}

function plannedObjects(model: Model, parts: Pick<Parts, 'recreated' | 'early' | 'tables'>): PlannedObject[] {
  const handled = new Map<string, PlannedObject['handling']>()
  for (const object of parts.recreated) handled.set(object.key, 'recreated')
  return model.snapshot.nodes
    .filter(
      (n) =>
        n.user_defined && !(n.catalog === 'pg_rewrite' && n.owner_relid !== null && model.views.has(n.owner_relid)),
    )
    .map((node) => {
      const moved = model.moved.has(node.objid) || (node.owner_relid !== null && model.moved.has(node.owner_relid))
      const column = node.catalog === 'pg_class' && node.objsubid > 0 && model.isRemoved(node.objid, node.objsubid)
      return {
        kind: node.catalog,
        identity: node.description,
        handling: handled.get(addressKey(node)) ?? (moved ? 'moved' : column ? 'backed up' : 'goes along'),
        why: model.declared.has(addressKey(node)) ? 'declared' : 'belongs to the feature by its nature',
        definition: null,
      }
    })
}
