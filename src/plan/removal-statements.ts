import { hiddenName } from '../names.ts'
import { id, literal, qualified, type QualifiedName } from '../sql.ts'
import { catchUpStatement, copyStatement, unwatchStatements, watchStatements } from './backup.ts'
import { generatedColumns, storedColumns } from './host.ts'
import { shown, type Model } from './model.ts'
import type { Parts } from './parts.ts'
import type { LockMode, RemovalPhase, Statement } from './plan.ts'

/** The statements of a removal, in order. */
export function removalStatements(model: Model, parts: Parts): Statement<RemovalPhase>[] {
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
