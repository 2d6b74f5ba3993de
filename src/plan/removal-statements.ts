import type { Oid } from '../catalog/fragments.ts'
import { hiddenName } from '../names.ts'
import { id, literal, qualified, type QualifiedName } from '../sql.ts'
import { backupKeyOf } from './objects/backup-names.ts'
import { catchUpIfLogged, copyStatement, preparing } from './data/backup.ts'
import { generatedColumns, storedColumns } from './objects/host.ts'
import { shown, type Model } from './model.ts'
import type { Rename } from './objects/moved.ts'
import type { Parts } from './parts.ts'
import { hiddenView, hide } from './objects/prebuilt.ts'
import { reduceLists } from './objects/publications.ts'
import { demandSameMembers } from './tree.ts'
import { unwatchStatements, watchStatements } from './data/watch.ts'
import type { CapturePlan, LockMode, RemovalPhase, Statement } from './plan.ts'

/** The statements of a removal, in order. */
export function removalStatements(model: Model, parts: Parts): Statement<RemovalPhase>[] {
  const { hosts, recreated, early, tables, prebuilt, indexes } = parts
  const statements: Statement<RemovalPhase>[] = []
  const add = (
    phase: RemovalPhase,
    sql: string,
    reason: string,
    lock: LockMode | null,
    relations: readonly QualifiedName[],
  ) => statements.push({ phase, action: 'run', sql, reason, lock, relations: relations.map(shown), object: null })

  for (const host of hosts) {
    for (const sql of demandSameMembers(host))
      add('watch', sql, 'the partitions are those that were planned for', null, [])
    for (const { sql, reason, locks } of watchStatements(host))
      add('watch', sql, reason, locks ? 'SHARE ROW EXCLUSIVE' : null, locks ? [host.table] : [])
  }
  for (const host of hosts) {
    add('copy', copyStatement(host), `values of ${shown(host.table)}`, 'ACCESS SHARE', [host.table])
    for (const { sql, reason } of preparing(host)) add('copy', sql, reason, null, [])
    add(
      'copy',
      `alter table ${qualified(host.backup)} add constraint ${id(backupKeyOf(model, host.backup).name)} primary key (${host.key.map((k) => id(k)).join(', ')})`,
      'one row per key',
      null,
      [],
    )
    const comment = `Columns ${host.columns.map((c) => c.name).join(', ')} of ${shown(host.table)}, removed with feature ${model.feature.name} by kysely-unship`
    add('copy', `comment on table ${qualified(host.backup)} is ${literal(comment)}`, 'says what it is', null, [])
  }
  add('cut over', COMPARE_MARK, 'what goes is what was planned for', null, [])
  // last back, first away: names of types occur in the signatures of functions
  const renames = [...early, ...tables].reverse()
  for (const rename of renames)
    for (const sql of rename.ahead ?? [])
      add('cut over', sql, `${rename.kind} ${rename.identity} is kept as a backup`, null, [])
  for (const host of hosts) {
    for (const sql of demandSameMembers(host))
      add('cut over', sql, 'the partitions are those that were watched and copied', null, [host.table])
    for (const sql of catchUpIfLogged(host))
      add('cut over', sql, 'rows that changed since the last catch-up', 'ROW SHARE', [host.table])
    for (const sql of unwatchStatements(host)) add('cut over', sql, 'the watch ends', 'ACCESS EXCLUSIVE', [host.table])
  }
  for (const oid of model.removed.keys())
    for (const sql of reduceLists(model, oid))
      add('cut over', sql, 'a column that goes leaves its publication first', 'SHARE UPDATE EXCLUSIVE', [
        model.name(oid),
      ])
  for (const oid of model.removed.keys()) {
    const table = qualified(model.name(oid))
    if (!hidesColumns(model, parts, oid)) continue
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
  const captured = new Set([...model.removed.keys(), ...indexes.map((i) => i.indrelid)])
  // not sent ahead of the locks, where the columns do not have their hidden names yet
  if (captured.size > 0)
    add(
      'cut over',
      CAPTURE_MARKS['columns hidden'],
      'definitions under hidden names go to the ledger',
      'ACCESS SHARE',
      [...captured].map((oid) => model.name(oid)),
    )
  const last = new Set(prebuilt.map((view) => `pg_class:${view.oid}:0`))
  for (const object of recreated.filter((o) => !last.has(o.key)).reverse())
    for (const sql of object.drop) add('cut over', sql, `${object.kind} of the feature`, 'ACCESS EXCLUSIVE', [])
  for (const index of indexes) {
    const goesWithColumn = index.conoid !== null || index.table_columns.some((n) => model.isRemoved(index.indrelid, n))
    // an index of a partition goes with that of the partitioned table
    if (!goesWithColumn && !index.attached)
      add(
        'cut over',
        `drop index ${qualified({ schema: index.nspname, name: index.relname })}`,
        'declared',
        'ACCESS EXCLUSIVE',
        [],
      )
  }
  const away = (those: readonly Rename[]) => {
    for (const rename of renames.filter((r) => those.includes(r)))
      for (const sql of rename.away)
        add('cut over', sql, `${rename.kind} ${rename.identity} is kept as a backup`, 'ACCESS EXCLUSIVE', [])
  }
  away(tables)
  for (const view of prebuilt)
    add('cut over', hide(view), 'so that its definition can be read under the hidden name', 'ACCESS EXCLUSIVE', [])
  add('cut over', CAPTURE_MARKS['tables moved'], 'definitions of materialized views go to the ledger', null, [])
  for (const view of [...prebuilt].reverse())
    add(
      'cut over',
      `drop materialized view ${qualified(hiddenView(view))}`,
      'materialized view of the feature',
      'ACCESS EXCLUSIVE',
      [],
    )
  away(early)
  for (const oid of model.removed.keys()) {
    const hidden = hidesColumns(model, parts, oid)
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

/** Whether a host table's columns are renamed before they are dropped, so that definitions speak of the hidden names. */
const hidesColumns = (model: Model, { indexes, prebuilt }: Parts, oid: Oid): boolean =>
  prebuilt.length > 0 || indexes.some((i) => i.indrelid === oid || model.rootOf(i.indrelid) === oid)

/** Stands in the list of statements where the cut-over looks whether anything was altered since the plan. */
export const COMPARE_MARK = '-- compare the catalog with the plan'

/** Stand in the list of statements where the cut-over stores what captures name, by when it can be read. */
export const CAPTURE_MARKS: Readonly<Record<CapturePlan['at'], string>> = {
  'columns hidden': '-- capture definitions',
  'tables moved': '-- capture definitions of materialized views',
}
