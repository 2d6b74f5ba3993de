import type { AnyKysely } from '../../any-kysely.ts'
import { recordEvent } from '../../ledger/entries.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { copyStretchStatement, preparing, type Summed, type Sums } from '../../plan/data/backup.ts'
import { revokeFromOthers } from '../../plan/objects/acl.ts'
import { shown } from '../../plan/model.ts'
import type { CountPlan, HostPlan, RemovalPlan } from '../../plan/plan.ts'
import { rowsOf } from '../../plan/tree.ts'
import { literal, qualified } from '../../sql.ts'
import { backupOf, sealedColumns } from '../backups/backups.ts'
import type { RunContext } from '../context.ts'
import { looking, observed } from '../observe.ts'
import { Progress } from '../progress.ts'
import { row, runTogether } from '../query.ts'
import { inOneSnapshot, inStretches, sizesOf, type Shared, type Size } from '../stretches.ts'
import { Tally } from '../tally.ts'
import { writeLedger } from '../write-ledger.ts'

/** Takes whatever default privileges gave others on a table that we created. */
const ownersOnly = (table: string, owner: string) =>
  revokeFromOthers({
    object: `table ${table}`,
    catalog: 'pg_class',
    aclColumn: 'relacl',
    oid: `${literal(table)}::pg_catalog.regclass::pg_catalog.oid`,
    owner,
    publicDefault: null,
  })

const BACKUP_CREATED = 'backup created'

/**
 * As SQL: a host table's backup `c`, if this run made it: by its oid, for a table of somebody else may have the name by now. (Ledgers
 * of earlier versions do not tell the oid.) One that was renamed has come to be somebody's too.
 */
export const madeBackup = ({ backup }: HostPlan, runId: string): string =>
  `from ${LEDGER_SCHEMA}.events e join pg_catalog.pg_class c
      on c.oid = coalesce((e.detail ->> 'oid')::pg_catalog.oid, pg_catalog.to_regclass(${literal(qualified(backup))})::pg_catalog.oid)
    where e.run_id = ${runId} and e.event = ${literal(BACKUP_CREATED)} and e.detail ->> 'table' = ${literal(qualified(backup))}
      and c.relname = ${literal(backup.name)} and c.relkind = 'r'`

/** Drops it. */
export const dropBackup = (host: HostPlan, runId: string): string =>
  `do $drop$ declare made record; begin
  for made in
    select c.oid::pg_catalog.regclass as backup ${madeBackup(host, runId)}
  loop
    execute pg_catalog.format('drop table %s', made.backup);
  end loop;
end $drop$`

/** What a removal has copied, and what it has counted on the way. */
export interface Copied {
  readonly tallies: readonly Tally[]
  /** By label, as the declaration asks for them. */
  readonly counts: Readonly<Record<string, number>>
  /** All rows of each host table, where they are known. */
  readonly hostRows: Readonly<Record<string, number>>
}

/**
 * Copies what the host tables' removed columns hold, each in one pass and one snapshot that also counts and sums up what is
 * copied. Counts the tables that will be moved.
 */
export async function copyHosts(
  context: RunContext,
  plan: Pick<RemovalPlan, 'hosts' | 'counts'>,
  statements: readonly string[],
  runId: string,
): Promise<Copied> {
  const tallies: Tally[] = []
  const ofHosts = new Set<CountPlan>()
  for (const host of plan.hosts) {
    const counts = plan.counts.filter(({ rows }) => rows?.backedUp && rows.from === `${rowsOf(host)} h`)
    counts.forEach((c) => ofHosts.add(c))
    const ours = statements.filter((sql) => sql.includes(` ${qualified(host.backup)} `))
    tallies.push(await copyHost(context, host, ours, { runId, counts }))
  }
  const others = new Map<CountPlan, number>()
  for (const count of plan.counts.filter((c) => !ofHosts.has(c))) others.set(count, await counted(context, count))

  const counts: Record<string, number> = {}
  for (const count of plan.counts) {
    const rows = others.get(count) ?? tallies.reduce((sum, tally) => sum + (tally.count(count) ?? 0), 0)
    counts[count.label] = (counts[count.label] ?? 0) + rows
  }
  const hostRows = Object.fromEntries(
    tallies.flatMap((t) => (t.hostRows === null ? [] : [[shown(t.host.table), t.hostRows]])),
  ) as Record<string, number>
  return { tallies, counts, hostRows }
}

async function counted(context: RunContext, { label, sql }: CountPlan): Promise<number> {
  const { rows } = await looking(context, `counting ${label}`, () => row<{ rows: string }>(context.db, sql))
  return Number(rows)
}

async function copyHost(
  context: RunContext,
  host: HostPlan,
  [create = '', ...rest]: readonly string[],
  { runId, counts }: { runId: string; counts: readonly CountPlan[] },
): Promise<Tally> {
  const { db } = context
  const first = preparing(host).map(({ sql }) => sql)
  // there for all to see, before others help to fill it
  await writeLedger(context, 'copy', [
    `${create}\nwith no data`,
    ...first,
    ownersOnly(qualified(host.backup), ''),
    recordEvent(
      runId,
      BACKUP_CREATED,
      { table: qualified(host.backup) },
      `pg_catalog.jsonb_build_object('oid', ${literal(qualified(host.backup))}::pg_catalog.regclass::pg_catalog.oid::text)`,
    ),
  ])
  const finish = rest.filter((sql) => !first.includes(sql))
  const backup = backupOf(host)
  const columns = (await sealedColumns(db, [backup])).get(backup) ?? []
  const tally = new Tally(host, columns, counts)
  return await inOneSnapshot(context, rowsOf(host), async (shared) => {
    await copyStretches(context, tally, runId, shared)
    await observed(context, { phase: 'copy', what: `the backup of ${shown(host.table)} gets its key` }, () =>
      runTogether(db, finish),
    )
    return tally
  })
}

async function copyStretches(context: RunContext, tally: Tally, runId: string, shared: Shared): Promise<void> {
  const { host } = tally
  // after the snapshot: all that it sees lies within these blocks; what an index leaves out would be missing in the total
  const sizes = await hostSizes(context.db, host)
  const progress = new Progress(
    context,
    'copy',
    shown(host.table),
    sizes.reduce((sum, { rows }) => sum + rows, 0),
  )
  const summed: Summed = tally
  await inStretches(context, shared, sizes, async (ask, stretch, { rows }) => {
    const { json } = await ask<{ json: string }>(copyStretchStatement(host, runId, stretch, summed))
    tally.add(JSON.parse(json) as Sums)
    progress.advance(rows)
  })
}

/** The host table, or each partition that holds rows. */
export const hostSizes = (db: AnyKysely, { table, members }: HostPlan): Promise<Size[]> =>
  sizesOf(db, table, members !== undefined)
