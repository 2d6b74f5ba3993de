import { UnshipError } from '../../errors.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { blocksOf } from '../../plan/data/backup.ts'
import { verifyFillStatement } from '../../plan/data/fill.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { literal, qualified } from '../../sql.ts'
import type { RunContext } from '../context.ts'
import { fillHost } from './fill.ts'
import { shareTasks, type Task } from '../helper.ts'
import { Progress } from '../progress.ts'
import { row } from '../query.ts'
import { withSettings } from '../settings.ts'
import type { Restoring } from './steps.ts'

/** Some ten thousand rows, of which each is looked up by its key. */
const STRETCH_BLOCKS = 128
/** Fewer are read before a second connection would be had. */
const HELPED_FROM_BLOCKS = 1024

/**
 * A planner may take one scan of the host table, or of the whole backup by several processes, for cheaper than ten thousand looks, but it
 * would be one for each stretch.
 */
const BY_KEY = { enable_hashjoin: 'off', enable_seqscan: 'off', max_parallel_workers_per_gather: '0' }

/**
 * Every backed-up row that is still there is filled as the backup says. A row that came under a backed-up key after
 * that key's batch is filled now.
 */
export async function verifyFilled({ context, plan, removalId, counted }: Restoring): Promise<void> {
  for (const host of plan.hosts)
    for (let attempt = 1; ; attempt++) {
      const files = await filesOf(context, host)
      const { kept, found, wrong } = await compareFilled(context, host, removalId)
      counted.set(host, { kept, gone: kept - found, files })
      if (wrong === 0) break
      if (attempt >= 3)
        throw new UnshipError({
          code: 'backup_not_verified',
          message: `${String(wrong)} rows of ${shown(host.table)} do not hold what the backup does`,
          detail: 'The restored columns are still hidden; nobody has seen them.',
          hint: 'Run the same command again.',
        })
      await fillHost(context, host)
    }
}

interface Filled {
  readonly kept: number
  readonly found: number
  readonly wrong: number
}

/** Stretch by stretch, over two connections where it is worth it: backed-up rows stay where they are, and each is looked up on its own. */
async function compareFilled(context: RunContext, host: HostPlan, removalId: string): Promise<Filled> {
  const { db, session } = context
  const { blocks, rows } = await row<{ blocks: number; rows: string }>(
    db,
    `select ${blocksOf(host.backup)} as blocks, pg_catalog.split_part(r.checksums ->> ${literal(shown(host.backup))}, ':', 1) as rows
     from ${LEDGER_SCHEMA}.runs r where r.id = ${removalId}`,
  )
  const progress = new Progress(context, 'verify', shown(host.table), Number(rows))
  const total = { kept: 0, found: 0, wrong: 0 }
  const tasks = Array.from({ length: Math.ceil(blocks / STRETCH_BLOCKS) }, (_, n): Task => {
    const stretch = { from: n * STRETCH_BLOCKS, to: (n + 1) * STRETCH_BLOCKS }
    return async (ask) => {
      const filled = await ask<Filled>(verifyFillStatement(host, stretch))
      total.kept += filled.kept
      total.found += filled.found
      total.wrong += filled.wrong
      progress.advance(filled.kept)
    }
  })
  await withSettings(db, BY_KEY, session.inTransaction, () =>
    shareTasks(context, { settings: BY_KEY }, tasks, { worthIt: blocks >= HELPED_FROM_BLOCKS }),
  )
  return total
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
