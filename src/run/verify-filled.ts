import { UnshipError } from '../errors.ts'
import { verifyFillStatement } from '../plan/fill.ts'
import { shown } from '../plan/model.ts'
import type { HostPlan } from '../plan/plan.ts'
import { literal, qualified } from '../sql.ts'
import type { RunContext } from './context.ts'
import { fillHost } from './fill.ts'
import { row } from './query.ts'
import type { Restoring } from './steps.ts'

/**
 * Every backed-up row that is still there is filled as the backup says. A row that came under a backed-up key after
 * that key's batch is filled now.
 */
export async function verifyFilled({ context, plan, counted }: Restoring): Promise<void> {
  for (const host of plan.hosts)
    for (let attempt = 1; ; attempt++) {
      const files = await filesOf(context, host)
      const filled = await row<{ kept: string; found: string; wrong: string }>(context.db, verifyFillStatement(host))
      counted.set(host, { kept: Number(filled.kept), gone: Number(filled.kept) - Number(filled.found), files })
      if (Number(filled.wrong) === 0) break
      if (attempt >= 3)
        throw new UnshipError({
          code: 'backup_not_verified',
          message: `${filled.wrong} rows of ${shown(host.table)} do not hold what the backup does`,
          detail: 'The restored columns are still hidden; nobody has seen them.',
          hint: 'Run the same command again.',
        })
      await fillHost(context, host)
    }
}

/** Of a host table that was truncated before the reveal, the rows are counted again: it holds other ones. */
export async function forgetTruncated({ context, counted }: Restoring): Promise<void> {
  for (const [host, { files }] of counted) if ((await filesOf(context, host)) !== files) counted.delete(host)
}

/** TRUNCATE gives a table other files; what rewrites it does, too. */
async function filesOf({ db }: RunContext, { table }: HostPlan): Promise<string> {
  const host = `pg_catalog.to_regclass(${literal(qualified(table))})`
  const { files } = await row<{ files: string }>(
    db,
    `select coalesce(pg_catalog.string_agg(f.file::text, ' ' order by f.file), '') as files
     from (select pg_catalog.pg_relation_filenode(${host}) union
       select pg_catalog.pg_relation_filenode(t.relid) from pg_catalog.pg_partition_tree(${host}) t) f(file)`,
  )
  return files
}
