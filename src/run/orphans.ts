import { recordEvent } from '../ledger/ledger.ts'
import type { MovedForeignKey, MovedPlan } from '../plan/plan.ts'
import { shown } from '../plan/model.ts'
import { id, literal, qualified, type QualifiedName } from '../sql.ts'
import type { RunContext } from './context.ts'
import { ownersOnly } from './copy.ts'
import { freeName, timestampName } from './kept-names.ts'
import { row, run } from './query.ts'
import type { SetAside } from './report.ts'

/**
 * Rows of returning tables whose parent went meanwhile do what their foreign key
 * says: rows of ON DELETE SET NULL or SET DEFAULT lose the reference, others the
 * row. In each case the row as it was is kept in a table of its own.
 *
 * @param revealed the tables bear their own names again
 */
export async function setAsideOrphans(
  context: RunContext,
  moved: readonly MovedPlan[],
  runId: string,
  revealed: boolean,
): Promise<SetAside[]> {
  const kept: SetAside[] = []
  const stamp = await timestampName(context.db)
  const names = new Map<string, string>()
  // a row set aside may have been another's parent
  for (let again = true; again;) {
    again = false
    for (const table of moved)
      for (const key of table.foreignKeys.filter((k) => k.validated)) {
        context.checkCancelled()
        const found = await setAside(context, moved, table, key, { runId, stamp, revealed, names })
        if (!found) continue
        kept.push(found)
        again = true
      }
  }
  return merged(kept)
}

async function setAside(
  context: RunContext,
  moved: readonly MovedPlan[],
  table: MovedPlan,
  key: MovedForeignKey,
  { runId, stamp, revealed, names }: { runId: string; stamp: string; revealed: boolean; names: Map<string, string> },
): Promise<SetAside | null> {
  const { db } = context
  const now = revealed ? table.table : table.backup
  const parent = revealed
    ? key.referenced
    : (moved.find((m) => same(m.table, key.referenced))?.backup ?? key.referenced)
  const orphan = `${key.columns.map((c) => `t.${id(c)} is not null`).join(' and ')}
    and not exists (select from ${qualified(parent)} p where ${key.columns.map((c, i) => `p.${id(key.referencedColumns[i] ?? '')} = t.${id(c)}`).join(' and ')})`
  const { orphans } = await row<{ orphans: string }>(
    db,
    `select pg_catalog.count(*)::text as orphans from only ${qualified(now)} t where ${orphan}`,
  )
  if (Number(orphans) === 0) return null
  const of = qualified(table.table)
  const asideName = names.get(of) ?? (await freeName(db, table.table.schema, `set_aside_${table.table.name}_${stamp}`))
  names.set(of, asideName)
  const aside = { schema: table.table.schema, name: asideName }
  const name = qualified(aside)
  const reason = `${key.name} refers to rows of ${shown(key.referenced)} that are gone (on delete ${key.onDelete})`
  const keep =
    key.onDelete === 'set null' || key.onDelete === 'set default'
      ? `with kept as (insert into ${name} select t.*, ${literal(reason)} from only ${qualified(now)} t where ${orphan})
         update only ${qualified(now)} t set ${key.columns.map((c) => `${id(c)} = ${key.onDelete === 'set null' ? 'null' : 'default'}`).join(', ')} where ${orphan}`
      : `with gone as (delete from only ${qualified(now)} t where ${orphan} returning t.*) insert into ${name} select *, ${literal(reason)} from gone`
  // one round trip; inside a caller's transaction it is part of that
  await run(
    db,
    `do $aside$ begin
  if pg_catalog.to_regclass(${literal(name)}) is null then
    create table ${name} as select * from ${qualified(now)} with no data;
    alter table ${name} add column unship_reason text;
    execute ${literal(ownersOnly(name, ''))};
    comment on table ${name} is ${literal(`Rows of ${shown(table.table)} that had no place any more when kysely-unship restored it`)};
  end if;
  ${keep};
  ${recordEvent(runId, 'set aside', { table: shown(table.table), rows: Number(orphans), reason, kept: shown(aside) })};
end $aside$`,
  )
  return { table: shown(table.table), rows: Number(orphans), reason, kept: shown(aside) }
}

const same = (a: QualifiedName, b: QualifiedName) => a.schema === b.schema && a.name === b.name

function merged(kept: readonly SetAside[]): SetAside[] {
  const all: SetAside[] = []
  for (const entry of kept) {
    const at = all.findIndex((a) => a.kept === entry.kept && a.reason === entry.reason)
    const before = all[at]
    if (before) all[at] = { ...before, rows: before.rows + entry.rows }
    else all.push(entry)
  }
  return all
}
