import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import type { CatalogRows } from '../catalog/snapshot.ts'
import type { LedgerRun, RecordedPlan, Source } from '../ledger/ledger.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { shown } from '../plan/model.ts'
import { literal, type QualifiedName } from '../sql.ts'

/** Reasons against restoring what names columns by their place: restored ones would stand after those that were added since. */
export async function addedReasons(
  db: AnyKysely,
  removal: LedgerRun,
  plan: RecordedPlan,
  rows: CatalogRows,
): Promise<string[]> {
  const reasons: string[] = []
  for (const { table } of plan.hosts) {
    const relation = rows.relations.find((r) => r.nspname === table.schema && r.relname === table.name)
    const source = plan.sources?.find((s) => s.table === shown(table))
    // the first ledgers tell neither
    const someAdded = relation !== undefined && source !== undefined && relation.max_attnum > source.last
    if (!someAdded || source.byPlace.length === 0) continue
    const columns = rows.columns.filter((c) => c.attrelid === relation.oid).sort((a, b) => a.attnum - b.attnum)
    const added = columns.filter((c) => c.attnum > source.last).map((c) => c.attname)
    const present = columns.map((c) => c.attname)
    if (isSameOrder(source, present) && (await haveAllComeBack(db, removal.id, table, added))) continue
    reasons.push(...source.byPlace.map((what) => `${what}, and columns were added to it since`))
  }
  return reasons
}

const isSameOrder = ({ columns }: Source, present: readonly string[]): boolean =>
  columns?.length === present.length && columns.every((name, n) => name === present[n])

/** What other features took after a removal, and restores have brought back. */
async function haveAllComeBack(
  db: AnyKysely,
  removalId: string,
  { schema, name }: QualifiedName,
  columns: readonly string[],
): Promise<boolean> {
  const back = await readJson<{ column: string }>(
    db,
    `select c.value ->> 'part' as column
     from ${LEDGER_SCHEMA}.runs r cross join lateral pg_catalog.jsonb_array_elements(r.plan -> 'claims') c
     where r.direction = 'restore' and r.state = 'done' and r.id > ${removalId} and c.value ->> 'kind' = 'column'
       and c.value ->> 'schema' = ${literal(schema)} and c.value ->> 'name' = ${literal(name)}`,
  )
  return columns.every((column) => back.some((b) => b.column === column))
}
