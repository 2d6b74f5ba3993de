import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import type { LedgerRun, RecordedPlan } from '../../ledger/recorded.ts'
import { shown } from '../../plan/model.ts'
import { sealWithout } from '../../plan/data/seal.ts'
import type { MovedPlan } from '../../plan/plan.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import { backupsOf, sealedColumns, type Backup } from './backups.ts'

/*
 * A crash of the server, or a switch to a standby, empties unlogged tables and sets unlogged sequences back to their start. It would
 * have done so had they stayed, and the rest of a feature is not lost for it: what was unlogged, and is as PostgreSQL leaves it then,
 * comes back so.
 */

type Plan = Pick<RecordedPlan, 'hosts' | 'moved' | 'described'>

/** What is left of a backup that was emptied. */
export interface Emptied {
  /** The seal that fits it now. */
  readonly seal: string
  readonly told: readonly string[]
}

/** By backup, the moved tables whose unlogged rows are gone as after a crash; of a partitioned one, those of its unlogged partitions. */
export async function readEmptied(
  db: AnyKysely,
  { checksums }: Pick<LedgerRun, 'checksums'>,
  plan: Plan,
): Promise<ReadonlyMap<string, Emptied>> {
  const asked = roots(plan).flatMap((root) => {
    const sealed = checksums[shown(root.backup)]
    const { unlogged, all } = unloggedParts(plan, root)
    const seals = all ? [sealed] : unlogged.map(({ backup }) => checksums[shown(backup)])
    // an earlier version has not sealed partitions by themselves
    if (sealed === undefined || unlogged.length === 0 || !seals.every((seal) => seal !== undefined)) return []
    const names = [root, ...unlogged].map(({ backup }) => qualified(backup))
    return [{ root, unlogged, names, seal: sealWithout(sealed, seals) }]
  })
  const empty = await readEmpty(
    db,
    asked.flatMap(({ names }) => names),
  )
  return new Map(
    asked
      .filter(({ names }) => names.every((name) => empty.has(name)))
      .map(({ root, unlogged, seal }) => [shown(root.backup), { seal, told: unlogged.map(tableEmptied) }]),
  )
}

/** What is said of a table that comes back without its rows. */
const tableEmptied = ({ table, backup }: MovedPlan): string =>
  `table ${shown(table)} is unlogged, and its backup ${shown(backup)} was emptied, as by a crash of the server or a switch to a standby: it comes back without its rows`

const sequenceReset = (sequence: QualifiedName): string =>
  `sequence ${shown(sequence)} is unlogged, and was set back, as by a crash of the server or a switch to a standby: it comes back at its start`

/** Unlogged partitions beside logged ones, to be sealed by themselves: without them the seal of all tells nothing of the others. */
export async function unloggedPartitions(db: AnyKysely, plan: Plan): Promise<Backup[]> {
  const mixed = roots(plan).filter((root) => {
    const { unlogged, all } = unloggedParts(plan, root)
    return unlogged.length > 0 && !all
  })
  if (mixed.length === 0) return []
  const backups = backupsOf(plan).filter(({ table }) => mixed.some(({ backup }) => backup === table))
  const columns = await sealedColumns(db, backups)
  return mixed.flatMap((root) => {
    // partitions may have them in another order
    const ofRoot = backups.flatMap((b) => (b.table === root.backup ? (columns.get(b) ?? []) : []))
    return unloggedParts(plan, root).unlogged.map(({ table, backup }) => ({
      ...{ table: backup, of: `table ${shown(table)}` },
      columns: ofRoot.map(({ attname }) => attname),
    }))
  })
}

const roots = ({ moved }: Plan) => moved.filter(({ partitionOf }) => partitionOf === undefined)

/** Of a table that is not partitioned, itself. */
function unloggedParts({ moved, described }: Plan, root: MovedPlan) {
  const parts = root.partitioned
    ? moved.filter((m) => m.partitioned !== true && m.partitionOf && qualified(m.partitionOf) === qualified(root.table))
    : [root]
  // what was made so since is no table that a crash may empty
  const was = ({ schema, name }: QualifiedName) =>
    (described[`table ${schema}.${name}`] as { readonly persistence?: string } | undefined)?.persistence === 'u'
  const unlogged = parts.filter(({ table }) => was(table))
  return { unlogged, all: unlogged.length === parts.length }
}

/** Which of these tables are files without a block, as those of rows that were deleted are not, and have no sequence that went on. */
async function readEmpty(db: AnyKysely, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set()
  const found = await readJson<{ name: string }>(
    db,
    `select w.name from (values ${names.map((name) => `(${literal(name)})`).join(', ')}) w(name)
     join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name)
     where (c.relkind = 'p' or c.relkind = 'r' and c.relpersistence = 'u' and pg_catalog.pg_relation_size(c.oid) = 0)
       and not exists (
         select from pg_catalog.pg_depend d join pg_catalog.pg_sequence q on q.seqrelid = d.objid
         join pg_catalog.pg_class s on s.oid = q.seqrelid and s.relpersistence = 'u'
         where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refclassid = d.classid and d.refobjid = c.oid
           and d.deptype in ('a', 'i') and ${LAST_VALUE} is not null)`,
  )
  return new Set(found.map(({ name }) => name))
}

const LAST_VALUE = `case when pg_catalog.has_sequence_privilege(q.seqrelid, 'USAGE, SELECT') then pg_catalog.pg_sequence_last_value(q.seqrelid) end`

/** By name, the unlogged ones of these sequences, which are at their start, with what is said of them; none of a table that has unlogged rows still. */
export async function readReset(
  db: AnyKysely,
  { moved }: Pick<Plan, 'moved'>,
  sequences: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (sequences.length === 0) return new Map()
  const found = await readJson<{ name: string; sequence: QualifiedName; owner: QualifiedName | null }>(
    db,
    `select w.name, pg_catalog.json_build_object('schema', sn.nspname, 'name', s.relname) as sequence,
       case when t.relpersistence = 'u' and t.relkind = 'r' then pg_catalog.json_build_object('schema', n.nspname, 'name', t.relname) end as owner
     from (values ${sequences.map((name) => `(${literal(name)})`).join(', ')}) w(name)
     join pg_catalog.pg_class s on s.oid = pg_catalog.to_regclass(w.name) and s.relkind = 'S' and s.relpersistence = 'u'
     join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
     left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = s.oid
       and d.refclassid = d.classid and d.deptype in ('a', 'i') and d.refobjsubid > 0
     left join pg_catalog.pg_class t on t.oid = d.refobjid
     left join pg_catalog.pg_namespace n on n.oid = t.relnamespace
     where not exists (
       select from (select t.oid union select p.relid from pg_catalog.pg_partition_tree(t.oid) p) part(oid)
       join pg_catalog.pg_class c on c.oid = part.oid and c.relkind = 'r' and c.relpersistence = 'u'
       where pg_catalog.pg_relation_size(c.oid) > 0)`,
  )
  return new Map(
    found.map(({ name, sequence, owner }) => {
      const table = owner && moved.find(({ backup }) => qualified(backup) === qualified(owner))
      return [name, table ? tableEmptied(table) : sequenceReset(sequence)]
    }),
  )
}
