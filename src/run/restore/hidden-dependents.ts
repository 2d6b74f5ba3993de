import { readJson } from '../../catalog/read.ts'
import { UnshipError } from '../../errors.ts'
import { hiddenName } from '../../names.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { literal, qualified } from '../../sql.ts'
import type { RunContext } from '../context.ts'

/** The refusal to drop hidden columns that others' objects depend on, which names them all; null where none does. */
export async function dependedOn(context: RunContext, hosts: readonly HostPlan[]): Promise<UnshipError | null> {
  const found: string[] = []
  for (const host of hosts.filter(({ columns }) => columns.length > 0))
    for (const { what, columns } of await readDependents(context, host))
      found.push(`${what} depends on ${columns} of ${shown(host.table)}.`)
  if (found.length === 0) return null
  return new UnshipError({
    code: 'wrong_state',
    message: `cannot take back the restore of feature ${context.feature} because something depends on its hidden columns`,
    detail: found.join('\n'),
    hint: 'Drop it, or define it without these columns; then run the same command again. Nothing was changed.',
  })
}

/** What a plain DROP COLUMN leaves alone; a view built for the reveal is ours. */
function readDependents(
  { db }: RunContext,
  { table, columns }: HostPlan,
): Promise<{ what: string; columns: string }[]> {
  const host = `pg_catalog.to_regclass(${literal(qualified(table))})`
  return readJson(
    db,
    `select coalesce(pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, v.oid, 0),
         pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)) as what,
       pg_catalog.string_agg(distinct a.attname, ', ') as columns
     from pg_catalog.pg_attribute a
     join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
       and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'n'
     left join pg_catalog.pg_rewrite r on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
       and r.oid = d.objid and r.rulename = '_RETURN'
     left join pg_catalog.pg_class v on v.oid = r.ev_class
     where a.attname in (${columns.map(({ hidden }) => literal(hidden)).join(', ')})
       and (a.attrelid = ${host} or a.attrelid in (select t.relid from pg_catalog.pg_partition_tree(${host}) t))
       and (v.oid is null or not pg_catalog.starts_with(v.relname::text, ${literal(hiddenName(''))}))
     group by 1 order by 1`,
  )
}
