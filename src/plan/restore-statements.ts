import { revokeFromOthers } from './objects/acl.ts'
import type { Index } from '../catalog/index.ts'
import { hiddenName } from '../names.ts'
import { id, literal, qualified } from '../sql.ts'
import { fillStatement } from './data/fill.ts'
import {
  columnStatements,
  type ColumnStatements,
  dropFillTriggers,
  generatedColumn,
  generatedColumns,
  identitySequence,
  storedColumns,
} from './objects/host.ts'
import { completeConstraint, FOREIGN_KEY } from './objects/constraints.ts'
import { shown, type Model } from './model.ts'
import { memberStatements } from './objects/partition-columns.ts'
import { mendNames } from './objects/new-partitions.ts'
import { isReferredTo } from './objects/referenced-index.ts'
import { attachParts, namesWithin, partitionedIndexes } from './objects/partition-indexes.ts'
import { indexDefinition, indexExpression } from './objects/index-definition.ts'
import { buildExpression, hiddenView } from './objects/prebuilt.ts'
import { indexSettings, indexStatements, viewStorage, relationAcl } from './objects/objects.ts'
import { overGenerated, type Parts } from './parts.ts'
import { demandDefaults, demandDefinitions } from './unchanged/same-meaning.ts'
import { ofMember, whileThere } from './tree.ts'
import type { CapturePlan, LockMode, RestorePhase, Statement } from './plan.ts'

interface RestoreParts extends Parts {
  readonly restore: Statement<RestorePhase>[]
  readonly captures: CapturePlan[]
}

/** The statements of a restore, in order, and those that only the cut-over can complete. */
export function restoreStatements(model: Model, parts: RestoreParts): void {
  const { hosts, recreated, early, tables, prebuilt, indexes, restore, captures } = parts
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
  const after: { table: string; statements: Pick<ColumnStatements, 'locked' | 'online' | 'reveal'> }[] = []
  for (const oid of model.removed.keys()) {
    const table = shown(model.name(oid))
    for (const column of storedColumns(model, oid)) {
      const statements = columnStatements(model, oid, column)
      for (const sql of statements.add)
        add('add', sql, `column ${column.attname} under its hidden name`, 'ACCESS EXCLUSIVE', [table])
      for (const expression of statements.captured) {
        captures.push({ position: restore.length, expression, at: 'columns hidden' })
        add('add', '-- captured in the cut-over', 'the identity goes on where it stood', null, [])
      }
      after.push({ table, statements })
      for (const member of memberStatements(model, oid, column)) {
        const of = shown(model.name(member.table))
        for (const sql of member.add)
          add('add', sql, `column ${column.attname} in partition ${of}`, 'ACCESS EXCLUSIVE', [of])
        after.push({ table: of, statements: member })
      }
    }
  }
  for (const sql of demandDefaults(model, parts)) add('add', sql, 'defaults are read as they were', null, [])
  for (const rename of early) if (rename.owned) add('add', rename.owned, 'serial column', 'ACCESS EXCLUSIVE', [])
  for (const host of hosts)
    add('fill', fillStatement(host), `values of ${shown(host.table)}`, 'ROW EXCLUSIVE', [shown(host.table)], 'fill')
  for (const { table, statements } of after) {
    for (const sql of statements.locked)
      add('build', sql, 'stands for NOT NULL until the reveal', 'ACCESS EXCLUSIVE', [table])
    for (const sql of statements.online)
      add('build', sql, 'stands for NOT NULL until the reveal', 'SHARE UPDATE EXCLUSIVE', [table])
  }
  const buildIndex = (phase: 'build' | 'validate', index: Index) => {
    const table = shown(model.name(index.indrelid))
    // after the reveal the columns bear their own names, of which the definition speaks already
    if (phase === 'build')
      captures.push({
        position: restore.length,
        at: 'columns hidden',
        expression: `pg_catalog.regexp_replace(${indexExpression(index)}, '^CREATE (UNIQUE )?INDEX ', ${literal('CREATE \\1INDEX CONCURRENTLY ')})`,
      })
    add(
      phase,
      phase === 'build'
        ? '-- captured in the cut-over'
        : indexDefinition(index).replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX CONCURRENTLY '),
      `index ${index.relname}`,
      'SHARE UPDATE EXCLUSIVE',
      [table],
      'index',
      qualified({ schema: index.nspname, name: index.relname }),
    )
    for (const sql of ofMember(model, index.indrelid, indexSettings(index)))
      add(phase, sql, `index ${index.relname}`, 'SHARE UPDATE EXCLUSIVE', [table])
  }
  const buildIndexes = (phase: 'build' | 'validate', those: readonly Index[]) => {
    for (const index of those) if (!index.partitioned) buildIndex(phase, index)
    for (const { sql, captured, reason, table, lock, action, object } of partitionedIndexes(model, those, phase)) {
      if (captured !== null) captures.push({ position: restore.length, expression: captured, at: 'columns hidden' })
      add(phase, sql, reason, lock, [table], action, object)
    }
  }
  const timely = indexes.filter((i) => !overGenerated(model, i))
  const late = indexes.filter((i) => overGenerated(model, i))
  buildIndexes('build', timely)
  for (const host of hosts)
    add(
      'build',
      `analyze ${qualified(host.table)} (${host.columns.map((c) => id(c.hidden)).join(', ')})`,
      'statistics for the planner',
      'SHARE UPDATE EXCLUSIVE',
      [shown(host.table)],
    )

  for (const view of prebuilt) {
    const name = shown(model.name(view.oid))
    const capture = (expression: string) => captures.push({ position: restore.length, expression, at: 'tables moved' })
    // nobody reads it before the reveal, whatever default privileges give: in the transaction that makes it
    const revoke = revokeFromOthers(relationAcl(view, qualified(hiddenView(view))))
    capture(`${buildExpression(view, viewStorage(view))} || ${literal(`;\n${revoke}`)}`)
    add('build', '-- captured in the cut-over', `materialized view ${name}, filled`, null, [], 'materialized view')
    for (const index of model.snapshot.indexes.filter((i) => i.indrelid === view.oid)) {
      // its tablespace is set at the reveal
      capture(indexExpression({ ...index, tablespace: null }))
      add('build', '-- captured in the cut-over', `index ${index.relname}`, null, [])
      for (const sql of indexSettings(index)) add('build', sql, `index ${index.relname}`, null, [])
    }
    add('build', `analyze ${qualified(hiddenView(view))}`, 'statistics for the planner', null, [])
  }

  for (const rename of tables)
    for (const sql of rename.back)
      add(
        'reveal',
        sql,
        `${rename.kind} ${rename.identity} comes back`,
        'ACCESS EXCLUSIVE',
        rename.of ? [shown(rename.of)] : [],
      )
  for (const object of recreated.filter((o) => o.unlocked))
    for (const sql of object.create) add('reveal', sql, `${object.kind} ${object.identity} comes back`, null, [])
  for (const { table, statements } of after)
    for (const sql of statements.reveal) add('reveal', sql, 'column comes back', 'ACCESS EXCLUSIVE', [table])
  for (const host of hosts.filter((h) => h.members && h.columns.length > 0))
    add(
      'reveal',
      mendNames(host.table, host.columns),
      'indexes of partitions that have come since',
      'ACCESS EXCLUSIVE',
      [shown(host.table)],
    )
  const built = timely.filter((i) => !i.partitioned && !i.attached)
  for (const index of built)
    for (const sql of ofMember(model, index.indrelid, namesWithin(model, index)))
      add('reveal', sql, `index ${index.relname}`, 'ACCESS EXCLUSIVE', [])
  for (const oid of model.removed.keys())
    for (const column of generatedColumns(model, oid))
      for (const sql of generatedColumn(model, oid, column))
        add('reveal', sql, 'generated column', 'ACCESS EXCLUSIVE', [shown(model.name(oid))])
  for (const oid of model.removed.keys())
    for (const column of generatedColumns(model, oid))
      for (const { table, reveal } of memberStatements(model, oid, column))
        for (const sql of reveal)
          add('reveal', sql, 'generated column in a partition', 'ACCESS EXCLUSIVE', [shown(model.name(table))])
  // a constraint needs its index, a foreign key the one that it refers by: over a generated column it is built with the rewrite
  const withRewrite = late.filter((i) => (i.conoid !== null || isReferredTo(model, i)) && !i.partitioned)
  for (const index of withRewrite)
    for (const sql of ofMember(model, index.indrelid, indexStatements(index, indexDefinition(index))))
      add('reveal', sql, `index ${index.relname}`, 'ACCESS EXCLUSIVE', [shown(model.name(index.indrelid))])
  const locking = recreated.filter((o) => !o.unlocked)
  const comeBack = (objects: typeof recreated) => {
    for (const { kind, identity, create } of objects)
      for (const sql of create) add('reveal', sql, `${kind} ${identity} comes back`, 'ACCESS EXCLUSIVE', [])
  }
  comeBack(locking.filter((o) => o.kind !== FOREIGN_KEY))
  for (const index of indexes.filter((i) => i.partitioned && i.conoid !== null))
    for (const sql of attachParts(model, index, indexes))
      add('reveal', sql, `it becomes a part of index ${index.relname}`, 'ACCESS EXCLUSIVE', [])
  for (const index of indexes.filter((i) => i.partitioned && i.parent === null))
    for (const constraint of model.snapshot.constraints.filter((k) => k.oid === index.conoid))
      for (const sql of ofMember(model, index.indrelid, [completeConstraint(model, constraint, index)]))
        add(
          'reveal',
          sql,
          `constraint ${constraint.conname} in partitions that have come since`,
          'ACCESS EXCLUSIVE',
          [],
        )
  // a unique key of a partitioned table that one refers to is valid when it has all its parts
  comeBack(locking.filter((o) => o.kind === FOREIGN_KEY))
  const mark = (phase: 'reveal' | 'validate', index: Index) => {
    const cluster = `alter table ${qualified(model.name(index.indrelid))} cluster on ${id(index.relname)}`
    for (const sql of ofMember(model, index.indrelid, [cluster]))
      add(phase, sql, 'its mark', 'SHARE UPDATE EXCLUSIVE', [])
  }
  for (const index of timely) if (index.indisclustered) mark('reveal', index)
  for (const sql of demandDefinitions(model, parts)) add('reveal', sql, 'definitions are read as they were', null, [])

  buildIndexes(
    'validate',
    late.filter((i) => i.conoid === null && !withRewrite.includes(i)),
  )
  for (const index of late) if (index.indisclustered) mark('validate', index)
  for (const { validate, identity } of recreated)
    if (validate)
      add(
        'validate',
        validate.sql,
        `${identity} holds for every row`,
        validate.locks.length > 0 ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE',
        validate.locks.map(shown),
        validate.foreignKey ? 'validate foreign key' : 'run',
      )
  const attached = recreated.flatMap(({ attach, identity }) => (attach ? [{ ...attach, identity }] : []))
  for (const { sql, identity, tables } of attached.sort((a, b) => b.depth - a.depth))
    add(
      'validate',
      sql,
      `${identity} is made of its partitions' keys`,
      'ACCESS EXCLUSIVE',
      tables,
      'attach foreign key',
    )
}

/** What takes the hidden columns, and all that came back before them, away again. */
export function planTakeBack(
  model: Model,
  { early, prebuilt, indexes }: Pick<Parts, 'early' | 'prebuilt' | 'indexes'>,
): string[] {
  return [
    ...[...prebuilt].reverse().map((v) => `drop materialized view if exists ${qualified(hiddenView(v))}`),
    // an index that is a part of another goes with it
    ...[...indexes].sort((a, b) => depth(model, a) - depth(model, b)).flatMap((i) => dropOurs(model, i)),
    ...[...early].reverse().flatMap((rename) => [...(rename.ahead ?? []), ...rename.away]),
    ...[...model.removed.keys()].flatMap((oid) => dropFillTriggers(model, oid)),
    ...[...model.removed.keys()].flatMap((oid) =>
      storedColumns(model, oid).flatMap((c) => [
        `alter table ${qualified(model.name(oid))} drop column if exists ${id(hiddenName(c.attname))}`,
        ...(c.attidentity === '' ? [] : [`drop sequence if exists ${qualified(identitySequence(model.name(oid), c))}`]),
      ]),
    ),
  ]
}

/** Drops an index that a restore has built: somebody else's may bear its name. */
function dropOurs(model: Model, index: Index): string[] {
  const name = qualified({ schema: index.nspname, name: index.relname })
  const found = `pg_catalog.to_regclass(${literal(name)})::pg_catalog.oid`
  return whileThere(
    `select from pg_catalog.pg_index i where i.indexrelid = ${found}
      and i.indrelid = pg_catalog.to_regclass(${literal(qualified(model.name(index.indrelid)))})
      and (pg_catalog.strpos(pg_catalog.pg_get_indexdef(${found}), ${literal(hiddenName(''))}) > 0
        or ${indexExpression({ ...index, indexrelid: found })} = ${literal(indexDefinition(index))})`,
    [`drop index ${name}`],
  )
}

const depth = (model: Model, index: Index): number =>
  index.partitioned
    ? model.snapshot.members.findIndex((m) => m.relid === index.indrelid)
    : model.snapshot.members.length
