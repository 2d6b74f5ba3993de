import { readJson } from '../../catalog/read.ts'
import type { RecordedPlan } from '../../ledger/recorded.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { hiddenName } from '../../names.ts'
import { FILLING } from '../../plan/objects/swap.ts'
import { treeQuery } from '../../plan/tree.ts'
import { literal, qualified } from '../../sql.ts'
import type { RunContext } from '../context.ts'

/**
 * Tells of triggers that an UPDATE fires and that no stand-in has the place of: somebody has created or enabled them since the
 * columns were added, and filling may have fired them.
 */
export async function warnOfLateTriggers(context: RunContext, plan: RecordedPlan): Promise<void> {
  for (const host of plan.hosts) {
    const tables = host.members
      ? `select t.relid from (${treeQuery(host.table)}) t`
      : `select ${literal(qualified(host.table))}::pg_catalog.regclass`
    const found = await readJson<{ table: string; name: string }>(
      context.db,
      `select t.tgrelid::pg_catalog.regclass::text as table, t.tgname as name
       from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
       where t.tgrelid in (${tables}) and not t.tgisinternal and t.tgparentid = 0 and t.tgenabled <> 'D'
         and t.tgtype & 16 /* update */ <> 0 and pg_catalog.cardinality(t.tgattr::pg_catalog.int2[]) = 0
         and pg_catalog.pg_get_triggerdef(t.oid) !~ ${literal(FILLING.replace('.', '[.]'))}
         and p.pronamespace <> ${literal(LEDGER_SCHEMA)}::pg_catalog.regnamespace
       order by 1, 2`,
    )
    for (const { table, name } of found)
      context.warn(
        name.startsWith(hiddenName(''))
          ? `trigger ${name} of ${table}, for which another stood in while the restore was under way, was enabled beside it: it may have fired for the rows that were filled, and twice for those that others wrote`
          : `trigger ${name} of ${table} was created or enabled while the restore was under way, and may have fired for the rows that it filled`,
      )
  }
}
