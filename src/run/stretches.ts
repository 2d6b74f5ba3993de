import type { AnyKysely } from '../any-kysely.ts'
import { readJson } from '../catalog/read.ts'
import type { Stretch } from '../plan/data/backup.ts'
import { treeQuery } from '../plan/tree.ts'
import { literal, qualified, type QualifiedName } from '../sql.ts'
import type { RunContext } from './context.ts'
import { shareTasks, type Ask, type Task } from './helper.ts'
import { row, run } from './query.ts'
import { withSettings } from './settings.ts'

/*
 * A large table is read in stretches of so many blocks (16 MB), so that progress can be told and a second connection can help.
 */
const STRETCH_BLOCKS = 2048
/** Fewer (64 MB) are read before a second connection would be had. */
export const HELPED_FROM_BLOCKS = 8192

/** By its blocks: a planner without statistics might read all of the table for each stretch of it. */
const BY_BLOCKS = {
  ...{ enable_seqscan: 'off', enable_indexscan: 'off', enable_indexonlyscan: 'off', enable_bitmapscan: 'off' },
  enable_tidscan: 'on',
}

/** What holds rows of a table: itself, or one of its partitions. */
export interface Size {
  readonly table: QualifiedName
  readonly blocks: number
  /** As the planner estimates them. */
  readonly rows: number
  /** The blocks of one of its indexes, on average. */
  readonly indexBlocks: number
}

/** A table, or each of its partitions that holds rows. */
export const sizesOf = (db: AnyKysely, table: QualifiedName, partitioned: boolean): Promise<Size[]> =>
  readJson<Size>(
    db,
    `select pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname) as table,
       (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int)::int as blocks,
       greatest(c.reltuples, 0)::float8 as rows,
       (select coalesce(pg_catalog.avg(pg_catalog.pg_relation_size(i.indexrelid)), 0) / pg_catalog.current_setting('block_size')::int
        from pg_catalog.pg_index i where i.indrelid = c.oid)::float8 as "indexBlocks"
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.oid in (${
       partitioned
         ? `select t.relid from (${treeQuery(table)}) t where t.isleaf`
         : `${literal(qualified(table))}::pg_catalog.regclass`
     })`,
  )

export const blocksIn = (sizes: readonly Size[]): number => sizes.reduce((sum, { blocks }) => sum + blocks, 0)

/** A snapshot that a second connection can share; none in a caller's transaction, where nobody helps. */
export interface Shared {
  readonly snapshot?: string
}

/**
 * All see one snapshot, for stretches with snapshots of their own could miss a row that an update moves; and nobody may rewrite the table
 * between them, where rows would change their blocks. In a caller's transaction it is the caller's.
 *
 * @param lock what LOCK TABLE takes: the table and its partitions, or ONLY it
 */
export async function inOneSnapshot<T>(
  { db, session }: RunContext,
  lock: string,
  work: (shared: Shared) => Promise<T>,
): Promise<T> {
  if (session.inTransaction) return await work({})
  try {
    await run(db, 'begin isolation level repeatable read')
    await run(db, `lock table ${lock} in access share mode`)
    const result = await work(await row<{ snapshot: string }>(db, 'select pg_catalog.pg_export_snapshot() as snapshot'))
    await run(db, 'commit')
    return result
  } catch (error) {
    // on a connection that died there is nothing to roll back
    await run(db, 'rollback').catch(() => undefined)
    throw error
  }
}

/** Reads tables stretch by stretch, with a second connection's help where it is worth it. */
export async function inStretches(
  context: RunContext,
  shared: Shared,
  sizes: readonly Size[],
  read: (
    ask: Ask,
    stretch: Stretch & { readonly table: QualifiedName },
    part: { readonly rows: number },
  ) => Promise<void>,
): Promise<void> {
  const tasks = sizes.flatMap(({ table, blocks, rows }) =>
    Array.from({ length: Math.ceil(blocks / STRETCH_BLOCKS) }, (_, n): Task => {
      const stretch = { table, from: n * STRETCH_BLOCKS, to: (n + 1) * STRETCH_BLOCKS }
      const part = { rows: Math.round((rows * Math.min(STRETCH_BLOCKS, blocks - stretch.from)) / blocks) }
      return (ask) => read(ask, stretch, part)
    }),
  )
  await withSettings(context.db, BY_BLOCKS, context.session.inTransaction, () =>
    shareTasks(context, { settings: BY_BLOCKS, ...shared }, tasks, { worthIt: blocksIn(sizes) >= HELPED_FROM_BLOCKS }),
  )
}
