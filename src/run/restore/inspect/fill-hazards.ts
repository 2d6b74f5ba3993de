import type { Relation } from '../../../catalog/relation.ts'
import type { CatalogRows } from '../../../catalog/definitions.ts'
import { onKey } from '../../../plan/data/backup.ts'
import { fillHazards } from '../../../plan/refusals/fill-hazards.ts'
import { shown } from '../../../plan/model.ts'
import type { HostPlan } from '../../../plan/plan.ts'
import { id, qualified } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'
import { asFiller } from '../fill.ts'
import { row } from '../../query.ts'

/** Reasons against filling rows of a host table, or of one of its partitions, as they are now: where it has what could be one at all. */
export async function rowReasons(
  context: RunContext,
  host: HostPlan,
  relation: Relation,
  rows: CatalogRows,
): Promise<string[]> {
  const table = { schema: relation.nspname, name: relation.relname }
  const own = id(table.name)
  const found: string[] = []
  const hazards = fillHazards({
    columns: rows.columns.filter((c) => c.attrelid === relation.oid),
    constraints: rows.constraints.filter((k) => k.conrelid === relation.oid),
    triggers: rows.triggers.filter((t) => t.tgrelid === relation.oid),
  })
  for (const { sql, reason } of hazards) {
    const query = `select exists (select from only ${qualified(table)} as ${own}
      where ${sql} and exists (select from only ${qualified(host.backup)} b where ${onKey(host, 'b', own)})) as is`
    await asFiller(context, async () => {
      if ((await row<{ is: boolean }>(context.db, query)).is) found.push(reason.replace('%', shown(table)))
    })
  }
  return found
}
