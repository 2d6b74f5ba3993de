import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { shown } from '../../plan/model.ts'
import { within } from '../../plan/data/backup.ts'
import type { HostPlan, MovedPlan, Phase } from '../../plan/plan.ts'
import {
  isSealOfNames,
  isTextSeal,
  sealOfParts,
  sealStatement,
  textSealStatement,
  type SealedColumn,
} from '../../plan/data/seal.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import type { RunContext } from '../context.ts'
import { helperOf } from '../helper.ts'
import { Progress } from '../progress.ts'
import { row } from '../query.ts'
import { blocksIn, HELPED_FROM_BLOCKS, inOneSnapshot, inStretches, sizesOf } from '../stretches.ts'
import type { BackupReport } from '../report.ts'

/** A table that keeps what was removed, and what its checksum covers. */
export interface Backup {
  readonly table: QualifiedName
  readonly of: string
  /** null: all columns. */
  readonly columns: readonly string[] | null
  /** Its rows are those of its partitions. */
  readonly partitioned?: boolean
}

export const backupOf = (host: HostPlan): Backup => ({
  table: host.backup,
  of: `${host.columns.map((c) => c.name).join(', ')} of ${shown(host.table)}`,
  columns: [...host.key, ...host.columns.map((c) => c.name)],
})

export function backupsOf(plan: {
  readonly hosts: readonly HostPlan[]
  readonly moved: readonly MovedPlan[]
}): Backup[] {
  return [
    ...plan.hosts.map(backupOf),
    // partitions count with the table that they belong to
    ...plan.moved
      .filter((m) => m.partitionOf === undefined)
      .map((m) => ({
        table: m.backup,
        of: `table ${shown(m.table)}`,
        columns: null,
        ...(m.partitioned && { partitioned: true }),
      })),
  ]
}

/** How backups are sealed. */
export interface Sealing {
  /** Seals that they had, by name: new ones are made as these were, to be compared. */
  readonly earlier?: Readonly<Record<string, string>>
  /** The error to throw for a backup that cannot be sealed. */
  readonly explain?: (backup: Backup, error: unknown) => unknown
  /** The run that waits for it, and its phase: it is told how far the reading of a large one is. */
  readonly during?: { readonly context: RunContext; readonly phase: Phase }
}

/** Counts, measures and seals backups. */
export async function sealBackups(
  db: AnyKysely,
  backups: readonly Backup[],
  { earlier = {}, explain = (_, error) => error, during }: Sealing = {},
): Promise<BackupReport[]> {
  const columns = await sealedColumns(db, backups)
  const found = await measured(db, backups)
  const reports: BackupReport[] = []
  for (const backup of backups) {
    const { table, of } = backup
    // what stands there instead may run functions of its owner's when it is read
    if (found.get(backup)?.table === false) throw explain(backup, noTable(table))
    const before = earlier[shown(table)]
    const statement = (part: Pick<Backup, 'table' | 'partitioned'>) =>
      statementOf(part, columns.get(backup) ?? [], before)
    const reading = during ? sealInStretches(during, backup, statement, before) : row<Seal>(db, statement(backup))
    const { checksum, rows } = await reading.catch((error: unknown) => {
      throw explain(backup, error)
    })
    reports.push({ table: shown(table), of, rows: Number(rows), bytes: found.get(backup)?.bytes ?? 0, checksum })
  }
  return reports
}

interface Seal {
  readonly checksum: string
  readonly rows: string
}

/**
 * A large backup is read in stretches, which tell how far it is, where two connections can share them; otherwise in one statement, for
 * which the server may take two processes.
 */
async function sealInStretches(
  { context, phase }: { readonly context: RunContext; readonly phase: Phase },
  backup: Backup,
  statement: (part: Pick<Backup, 'table' | 'partitioned'>) => string,
  earlier: string | undefined,
): Promise<Seal> {
  const { table, partitioned = false } = backup
  const all = () => row<Seal>(context.db, statement(backup))
  if (blocksIn(await sizesOf(context.db, table, partitioned)) < HELPED_FROM_BLOCKS) return await all()
  if (!(await helperOf(context))) return await all()
  return await inOneSnapshot(context, `${partitioned ? '' : 'only '}${qualified(table)}`, async (shared) => {
    const sizes = await sizesOf(context.db, table, partitioned)
    const estimated = sizes.reduce((sum, { rows }) => sum + rows, 0)
    const progress = new Progress(context, phase, shown(table), rowsIn(earlier) ?? estimated)
    const seals: string[] = []
    await inStretches(context, shared, sizes, async (ask, stretch) => {
      const { checksum, rows } = await ask<Seal>(
        `${statement({ table: stretch.table })}\nwhere ${within('t', stretch)}`,
      )
      seals.push(checksum)
      progress.advance(Number(rows))
    })
    return sealOfParts(seals)
  })
}

const rowsIn = (seal: string | undefined): number | null => (seal === undefined ? null : Number(seal.split(':')[0]))

/** The statement that seals one backup of a finished removal anew, in the same transaction as a change of ours to it. */
export async function sealAgain(db: AnyKysely, removalId: string, backup: Backup): Promise<string> {
  const name = literal(shown(backup.table))
  const { earlier } = await row<{ earlier: string | null }>(
    db,
    `select checksums ->> ${name} as earlier from ${LEDGER_SCHEMA}.runs where id = ${removalId}`,
  )
  const columns = (await sealedColumns(db, [backup])).get(backup) ?? []
  return `update ${LEDGER_SCHEMA}.runs set checksums = checksums || pg_catalog.jsonb_build_object(${name}, (
    select sealed.checksum from (${statementOf(backup, columns, earlier ?? undefined)}) sealed)) where id = ${removalId}`
}

function statementOf(
  { table, partitioned = false }: Pick<Backup, 'table' | 'partitioned'>,
  columns: readonly SealedColumn[],
  earlier?: string,
): string {
  const name = qualified(table)
  if (earlier === undefined) return sealStatement(name, columns, { partitioned })
  if (isSealOfNames(earlier))
    return sealStatement(
      name,
      columns.map((c) => ({ ...c, naming: false })),
      { partitioned },
    )
  if (!isTextSeal(earlier)) return sealStatement(name, columns, { partitioned })
  return textSealStatement(
    name,
    columns.map((c) => c.attname),
    { partitioned },
  )
}

/** Types of identifiers of catalog rows. */
const SHOWN_AS_NAMES = [
  ...['regclass', 'regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator'],
  ...['regproc', 'regprocedure', 'regrole', 'regtype'],
]

/** By backup, the columns that its seal covers, in its order. */
export async function sealedColumns(
  db: AnyKysely,
  backups: readonly Backup[],
): Promise<ReadonlyMap<Backup, readonly SealedColumn[]>> {
  const found = await readJson<SealedColumn & { n: number }>(
    db,
    `with recursive part(of, typid) as (
       select distinct a.atttypid, a.atttypid from ${numbered(backups)} join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass(b.name)
       where a.attnum > 0 and not a.attisdropped
       union
       select part.of, i.id from part join pg_catalog.pg_type y on y.oid = part.typid
       cross join lateral (
         select y.typbasetype union all select y.typelem where y.typcategory = 'A'
         union all select r.rngsubtype from pg_catalog.pg_range r where y.typtype in ('r', 'm') and y.oid in (r.rngtypid, r.rngmultitypid)
         union all select f.atttypid from pg_catalog.pg_attribute f where f.attrelid = y.typrelid and f.attnum > 0 and not f.attisdropped
       ) i(id) where i.id <> 0)
     select b.n, a.attname, case when t.typtype = 'b' and t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace then t.typname end as typname,
       (select pg_catalog.bool_or(y.typnamespace = 'pg_catalog'::pg_catalog.regnamespace and y.typname in (${SHOWN_AS_NAMES.map(literal).join(', ')}))
          and pg_catalog.bool_and(y.typsend <> 0)
        from part join pg_catalog.pg_type y on y.oid = part.typid where part.of = a.atttypid) as naming
     from ${numbered(backups)} join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass(b.name)
     join pg_catalog.pg_type t on t.oid = a.atttypid
     where a.attnum > 0 and not a.attisdropped
     order by b.n, a.attnum`,
  )
  return new Map(
    backups.map((backup, n) => {
      const all = found.filter((c) => c.n === n)
      // a column that has gone is left to the statement, whose error says so
      const covered = backup.columns?.map(
        (name) => all.find((c) => c.attname === name) ?? { attname: name, typname: null },
      )
      return [backup, covered ?? all]
    }),
  )
}

/** The enums and composite types of backups' columns: who alters one has its values print otherwise, in the seal too. */
export async function printedByLabels(db: AnyKysely, backups: readonly Backup[]): Promise<string[]> {
  const found = await readJson<{ type: string }>(
    db,
    `with recursive part(typid) as (
       select a.atttypid from ${numbered(backups)} join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass(b.name)
       where a.attnum > 0 and not a.attisdropped
       union
       select i.id from part join pg_catalog.pg_type y on y.oid = part.typid
       cross join lateral (values (y.typbasetype), (case when y.typcategory = 'A' then y.typelem end)) i(id) where i.id <> 0)
     select pg_catalog.format_type(y.oid, null) as type from part join pg_catalog.pg_type y on y.oid = part.typid
     where y.typtype in ('c', 'e') order by 1`,
  )
  return found.map(({ type }) => `type ${type}`)
}

const noTable = (table: QualifiedName) => new Error(`relation ${shown(table)} is no table any more`)

/** Of backups that are there: how large they are, and whether they are tables. */
async function measured(
  db: AnyKysely,
  backups: readonly Backup[],
): Promise<ReadonlyMap<Backup, { readonly bytes: number; readonly table: boolean }>> {
  const found = await readJson<{ n: number; bytes: number; table: boolean }>(
    db,
    // of a table that is neither partitioned nor a partition there is no tree
    `select b.n, c.relkind in ('r', 'p') as table,
       coalesce((select pg_catalog.sum(pg_catalog.pg_total_relation_size(p.relid)) from pg_catalog.pg_partition_tree(c.oid) p),
         pg_catalog.pg_total_relation_size(c.oid), 0) as bytes
     from ${numbered(backups)} join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(b.name)`,
  )
  return new Map(backups.flatMap((backup, n) => found.filter((f) => f.n === n).map((f) => [backup, f] as const)))
}

const numbered = (backups: readonly Backup[]): string =>
  backups.length === 0
    ? '(select 0 as n, null as name where false) b'
    : `(values ${backups.map(({ table }, n) => `(${String(n)}, ${literal(qualified(table))})`).join(', ')}) b(n, name)`
