import type { Index } from '../catalog/index.ts'
import { IMPLICIT_ARRAY_CAST } from '../catalog/replay.ts'
import { hiddenName } from '../names.ts'
import { id, literal, qualified } from '../sql.ts'
import { fillStatement } from './backup.ts'
import { columnStatements, generatedColumn, generatedColumns, identitySequence, storedColumns } from './host.ts'
import { shown, type Model } from './model.ts'
import { indexSettings } from './objects.ts'
import { overGenerated, type Parts } from './parts.ts'
import type { CapturePlan, LockMode, RestorePhase, Statement } from './plan.ts'

interface RestoreParts extends Parts {
  readonly restore: Statement<RestorePhase>[]
  readonly captures: CapturePlan[]
}

/** The statements of a restore, in order, and those that only the cut-over can complete. */
export function restoreStatements(model: Model, parts: RestoreParts): void {
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
      expression: `pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(${index.indexrelid}),
        ${literal(IMPLICIT_ARRAY_CAST)}, ${literal('\\1')}, 'g'), '^CREATE (UNIQUE )?INDEX ', ${literal('CREATE \\1INDEX CONCURRENTLY ')})`,
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
export function planTakeBack(model: Model, { early, indexes }: Pick<Parts, 'early' | 'indexes'>): string[] {
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
