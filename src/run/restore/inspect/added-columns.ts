import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import type { CatalogRows } from '../../../catalog/definitions.ts'
import type { LedgerRun, RecordedPlan, Source } from '../../../ledger/recorded.ts'
import { LEDGER_SCHEMA } from '../../../ledger/schema.ts'
import { shown } from '../../../plan/model.ts'
import { literal, type QualifiedName } from '../../../sql.ts'
import { isSameLedger } from '../../same-ledger.ts'

/**
 * Reasons against restoring what names columns by their place: restored ones would stand after those that were added since, or before
 * the place of those that were dropped.
 */
export async function addedReasons(
  db: AnyKysely,
  removal: LedgerRun,
  plan: RecordedPlan,
  rows: CatalogRows,
): Promise<string[]> {
  const sources = plan.sources?.filter(({ byPlace = [] }) => byPlace.length > 0) ?? []
  if (sources.length === 0) return []
  const sameLedger = await isSameLedger(db, plan)
  const reasons: string[] = []
  for (const { table } of plan.hosts) {
    const relation = rows.relations.find((r) => r.nspname === table.schema && r.relname === table.name)
    const source = sources.find((s) => s.table === shown(table))
    if (!relation || !source) continue
    const { last = relation.max_attnum, byPlace = [] } = source
    const present = rows.columns.filter((c) => c.attrelid === relation.oid).sort((a, b) => a.attnum - b.attnum)
    const names = present.map((c) => c.attname)
    const someAdded = relation.max_attnum > last
    // a table that was made anew, or dumped, numbers its columns anew
    const isSame = sameLedger && relation.oid === source.oid
    const added = present.filter((c) => c.attnum > last).map((c) => c.attname)
    const stands =
      source.columns && !isSame
        ? isSameOrder(source, names)
        : someAdded
          ? isSameOrder(source, names) && (await haveAllComeBack(db, removal.id, table, added))
          : // whatever they are called by now
            source.columns?.length === names.length || !source.columns
    const how =
      added.length > 0
        ? 'columns were added to it since'
        : `its columns were ${source.columns?.join(', ') ?? 'others'}, and are ${names.join(', ')}`
    if (!stands) reasons.push(...byPlace.map((what) => `${what}, and ${how}`))
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
