import type { AnyKysely } from '../any-kysely.ts'
import { UnshipError } from '../errors.ts'
import { readJson } from '../catalog/read.ts'
import { recordEvent } from '../ledger/ledger.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import {
  catchUpStatement,
  catchUpTruncatedStatement,
  copySliceStatement,
  verifyBackupStatement,
} from '../plan/backup.ts'
import { revokeFromOthers } from '../plan/acl.ts'
import { shown } from '../plan/model.ts'
import type { HostPlan } from '../plan/plan.ts'
import { demandSameMembers, rowsOf, treeQuery } from '../plan/tree.ts'
import { literal, qualified, type QualifiedName } from '../sql.ts'
import { NOT_YET, OTHER_PARTITIONS } from '../sql-states.ts'
import type { RunContext } from './context.ts'
import { withHelper, type Ask } from './helper.ts'
import { Progress } from './progress.ts'
import { row, run, runTogether, sqlState } from './query.ts'
import { otherPartitions } from './short.ts'

/** At the cut-over no more logged rows than this are copied while locks are held. */
const FEW_ROWS = 500

/** Takes whatever default privileges gave others on a table that we created. */
export const ownersOnly = (table: string, owner: string) =>
  revokeFromOthers({
    object: `table ${table}`,
    catalog: 'pg_class',
    aclColumn: 'relacl',
    oid: `${literal(table)}::pg_catalog.regclass::pg_catalog.oid`,
    owner,
    publicDefault: null,
  })

const BACKUP_CREATED = 'backup created'

/** Drops a host table's backup, if this run made it. */
export const dropBackup = (host: HostPlan, runId: string): string =>
  `do $drop$ begin
  if exists (select from ${LEDGER_SCHEMA}.events where run_id = ${runId} and event = ${literal(BACKUP_CREATED)}
      and detail ->> 'table' = ${literal(qualified(host.backup))}) then
    drop table if exists ${qualified(host.backup)};
  end if;
end $drop$`

/** A host table of more blocks than this (64 MB) is copied in slices, so that progress can be told. */
const SLICED_FROM_BLOCKS = 8192
const SLICE_BLOCKS = 2048

/** Copies what a host table's removed columns hold: one pass, one snapshot. A large one is shared with a second connection. */
export async function copyHost(
  context: RunContext,
  host: HostPlan,
  statements: readonly string[],
  runId: string,
): Promise<void> {
  const { db, session } = context
  const [create = '', ...finish] = statements
  const created = [
    ownersOnly(qualified(host.backup), ''),
    recordEvent(runId, BACKUP_CREATED, { table: qualified(host.backup) }),
  ]
  if (session.inTransaction) {
    for (const sql of [create, ...finish, ...created]) await run(db, sql)
    return
  }
  const blocks = (await hostSizes(db, host)).reduce((sum, size) => sum + size.blocks, 0)
  if (blocks < SLICED_FROM_BLOCKS) {
    await runTogether(db, [create, ...finish, ...created])
    return
  }
  // there for all to see, before others help to fill it
  await runTogether(db, [`${create}\nwith no data`, ...created])
  try {
    // the slices see one snapshot: batches with snapshots of their own could miss a row that an update moves
    await run(db, 'begin isolation level repeatable read')
    // and nobody may rewrite the table between them, where rows would change their blocks
    await run(db, `lock table ${rowsOf(host)} in access share mode`)
    await copyInSlices(context, host, runId)
    await runTogether(db, [...finish, 'commit'])
  } catch (error) {
    // on a connection that died there is nothing to roll back
    await run(db, 'rollback').catch(() => undefined)
    throw error
  }
}

/** What holds rows of a host table: itself, or one of its partitions. */
interface Size {
  readonly table: QualifiedName
  readonly blocks: number
  /** As the planner estimates them. */
  readonly rows: number
}

async function copyInSlices(context: RunContext, host: HostPlan, runId: string): Promise<void> {
  const { db } = context
  const { snapshot } = await row<{ snapshot: string }>(db, 'select pg_catalog.pg_export_snapshot() as snapshot')
  // after the snapshot: all that it sees lies within these blocks
  const sizes = await hostSizes(db, host)
  const total = sizes.reduce((sum, { rows }) => sum + rows, 0)
  const progress = new Progress(context, 'copy', shown(host.table), total)
  const left = sizes.flatMap((size) =>
    Array.from({ length: Math.ceil(size.blocks / SLICE_BLOCKS) }, (_, n) => ({ ...size, from: n * SLICE_BLOCKS })),
  )
  const slice = async (ask: Ask): Promise<boolean> => {
    const next = left.shift()
    if (!next) return false
    const { table, from, rows, blocks } = next
    try {
      await ask(copySliceStatement(host, runId, { table, from, to: from + SLICE_BLOCKS }))
    } catch (error) {
      left.unshift(next)
      throw error
    }
    progress.advance(Math.round((rows * Math.min(SLICE_BLOCKS, blocks - from)) / blocks))
    return left.length > 0
  }
  const own = async () => {
    while (left.length > 0) {
      context.checkCancelled()
      await slice((sql) => row(db, sql))
    }
  }
  await withHelper(context, { settings: {}, snapshot }, own, slice)
}

/** The host table, or each partition that holds rows. */
export const hostSizes = (db: AnyKysely, { table, members }: HostPlan): Promise<Size[]> =>
  readJson<Size>(
    db,
    `select pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname) as table,
       (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int)::int as blocks,
       greatest(c.reltuples, 0)::float8 as rows
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid in (${
       members
         ? `select t.relid from (${treeQuery(table)}) t where t.isleaf`
         : `${literal(qualified(table))}::pg_catalog.regclass`
     })`,
  )

/** Copies the present rows of the keys that the watch has logged, until few are left. */
export async function catchUp(context: RunContext, hosts: readonly HostPlan[]): Promise<void> {
  for (const host of hosts)
    for (let round = 0; round < 50; round++) {
      context.checkCancelled()
      await run(context.db, catchUpTruncatedStatement(host))
      const { logged } = await row<{ logged: number }>(context.db, catchUpStatement(host))
      if (logged <= FEW_ROWS / 10) break
    }
}

/** In the cut-over: refuses to copy much under lock; the run then catches up outside and tries again. */
export const demandFewRows = (host: HostPlan): string =>
  `do $few$ begin
  if (select pg_catalog.count(*) from (select from ${qualified(host.watch.log)} limit ${String(FEW_ROWS + 1)}) l) > ${String(FEW_ROWS)}
    or exists (select from ${qualified(host.watch.log)} l where l.unship_truncated) then
    raise exception 'many rows changed since the last catch-up' using errcode = '${NOT_YET}';
  end if;
end $few$`

/**
 * Compares every backup with its source, image by image, in both directions.
 *
 * @throws {UnshipError} `backup_not_verified`; nothing has been removed then.
 */
export async function verifyBackups(context: RunContext, hosts: readonly HostPlan[]): Promise<void> {
  for (const host of hosts) {
    context.checkCancelled()
    for (const sql of demandSameMembers(host))
      await run(context.db, sql).catch((error: unknown) => {
        throw sqlState(error) === OTHER_PARTITIONS ? otherPartitions(error) : error
      })
    const { wrong } = await row<{ wrong: string }>(
      context.db,
      verifyBackupStatement(host, !context.session.inTransaction),
    )
    if (Number(wrong) === 0) continue
    throw new UnshipError({
      code: 'backup_not_verified',
      message: `the backup of ${shown(host.table)} does not hold what the table does`,
      detail: `${wrong} rows of ${shown(host.backup)} are missing, unequal or too many. Nothing was removed.`,
      hint: 'Run the same command again; if it fails again, report it as a bug.',
    })
  }
}
