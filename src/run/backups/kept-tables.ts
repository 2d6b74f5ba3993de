import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { readKeeping, type Archive, type Purge, type RunRecord } from '../../ledger/history.ts'
import { parseName } from '../../names.ts'
import { shown } from '../../plan/model.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import { backupsOf } from './backups.ts'
import type { SetAside } from '../report.ts'
import { readSetAsideByRun } from '../restore/set-aside-report.ts'

/** A table that keeps what was removed, or what a restore had no place for. */
export interface KeptTable {
  /** The run that keeps it. */
  readonly run: string
  readonly feature: string
  readonly name: QualifiedName
  /** `schema.name`; `public` left out. */
  readonly table: string
  readonly of: string
  readonly kind: 'backup' | 'archive' | 'retired' | 'set aside'
  /** A removal can only be restored while it is there. */
  readonly needed: boolean
  /** `2027-01-31`: until then it is not purged; null: nobody has said. */
  readonly keepUntil: string | null
  /** Rows that the restore had no place for, as where theirs had gone from the table: they are nowhere else. */
  readonly unplaced: number
  /** When it was written. */
  readonly rows: number | null
  /** Now; null where the table is gone. */
  readonly bytes: number | null
  /** A copy that somebody has made UNLOGGED: a crash of the server would empty it. Tables that were moved may have been so before. */
  readonly unlogged: boolean
}

/** Backups that a restore has retired are kept for so long. */
const RETIRED_DAYS = 30

export interface Kept {
  readonly tables: readonly KeptTable[]
  readonly archives: ReadonlyMap<string, Archive>
  readonly purges: ReadonlyMap<string, Purge>
  /** Runs whose plan is not whole, so that nothing tells what they keep. */
  readonly damaged: readonly RunRecord[]
}

type Draft = Omit<KeptTable, 'table' | 'bytes' | 'unlogged'> & {
  /** It was made to keep rows; a table that was moved was there before. */
  readonly made: boolean
}

/** Every table that runs of features keep; what was purged is left out. */
export async function readKept(db: AnyKysely, runs: readonly RunRecord[]): Promise<Kept> {
  if (runs.length === 0) return { tables: [], archives: new Map(), purges: new Map(), damaged: [] }
  const { archives, purges } = await readKeeping(db)
  const current = new Map<string, RunRecord>()
  for (const run of runs) if (run.state !== 'aborted') current.set(run.feature, run)
  const aside = await readSetAsideByRun(db)
  const keepsBackups = (run: RunRecord): boolean => {
    if (run.direction === 'restore' || !['done', 'running'].includes(run.state)) return false
    const latest = current.get(run.feature)
    return latest?.id === run.id || (latest?.removal_id === run.id && latest.state === 'running')
  }
  const drafts = runs.flatMap((run): Draft[] => {
    if (run.direction === 'restore')
      return [...retired(run), ...aside.filter((a) => a.run === run.id).map((a) => setAside(run, a))]
    return keepsBackups(run) ? backups(run, archives.get(run.id)) : []
  })
  const damaged = runs.filter(
    (run) =>
      run.plan_lacks.length > 0 && !purges.has(run.id) && (keepsBackups(run) || (run.report.retired ?? []).length > 0),
  )
  const kept = drafts.filter((d) => !purges.get(d.run)?.tables.includes(shown(d.name)))
  const sizes = await readSizes(
    db,
    kept.map((d) => d.name),
  )
  const underWay = new Set([...current.values()].filter((run) => run.state === 'running').map((run) => run.feature))
  const tables = kept
    .map(({ made, ...d }, n): KeptTable => {
      const { bytes = null, unlogged = false } = sizes.get(n) ?? {}
      return { ...d, table: shown(d.name), bytes, unlogged: made && unlogged }
    })
    // not yet written, or back under its own name
    .filter((d) => d.bytes !== null || !underWay.has(d.feature))
  return { tables, archives, purges, damaged }
}

function backups(run: RunRecord, archive: Archive | undefined): Draft[] {
  const { plan } = run
  if (!plan) return []
  return backupsOf(plan).map(({ table, of }) => {
    const archived = archive?.tables.find((a) => a.backup.schema === table.schema && a.backup.name === table.name)
    return {
      run: run.id,
      feature: run.feature,
      name: archived?.archive ?? table,
      of,
      kind: archived ? 'archive' : 'backup',
      needed: true,
      keepUntil: archive?.keepUntil ?? null,
      unplaced: 0,
      made: plan.hosts.some(({ backup }) => shown(backup) === shown(table)),
      // as it was sealed last
      rows: rowsOf(run.checksums[shown(table)]),
    }
  })
}

const rowsOf = (seal: string | undefined): number | null => (seal === undefined ? null : Number.parseInt(seal))

/** Of backups, those of columns are kept under an archive name; whole tables went back. */
function retired(run: RunRecord): Draft[] {
  const { id, feature, plan, report, finished_at: at } = run
  const keepUntil = at === null ? null : addDays(at, RETIRED_DAYS)
  return (report.retired ?? []).flatMap(({ backup, became }): Draft[] => {
    const host = plan?.hosts.find((h) => shown(h.backup) === backup)
    if (!host) return []
    const of = `${host.columns.map((c) => c.name).join(', ')} of ${shown(host.table)}, as before the restore`
    return [
      {
        run: id,
        feature,
        name: parseName(became, 'public'),
        of,
        kind: 'retired',
        needed: false,
        keepUntil,
        unplaced: report.hosts?.find((h) => h.table === shown(host.table))?.deleted ?? 0,
        rows: null,
        made: true,
      },
    ]
  })
}

/** Of a restore that was taken back, too: they are nowhere else. */
const setAside = ({ id, feature }: RunRecord, { kept, table, rows, reason }: SetAside): Draft => ({
  ...{ run: id, feature, name: parseName(kept, 'public'), of: `rows of ${table}: ${reason}` },
  ...{ kind: 'set aside', needed: false, keepUntil: null, unplaced: rows, rows, made: true },
})

export function addDays(timestamp: string, days: number): string {
  const date = new Date(timestamp)
  date.setUTCDate(date.getUTCDate() + days)
  return date.toISOString().slice(0, 10)
}

/** What to say of those that a crash would empty. */
export const crashEmpties = (kept: readonly KeptTable[]): string[] =>
  kept
    .filter(({ unlogged }) => unlogged)
    .map(({ table }) => `${table} was made UNLOGGED, and would be empty after a crash: ALTER TABLE … SET LOGGED`)

interface Size {
  readonly bytes: number
  readonly unlogged: boolean
}

async function readSizes(db: AnyKysely, names: readonly QualifiedName[]): Promise<Map<number, Size>> {
  if (names.length === 0) return new Map()
  const rows = await readJson<Size & { n: number }>(
    db,
    `select w.n, pg_catalog.pg_total_relation_size(c.oid) as bytes, c.relpersistence = 'u' as unlogged
     from (values ${names.map((name, n) => `(${String(n)}, ${literal(qualified(name))})`).join(', ')}) w(n, name)
     join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name)`,
  )
  return new Map(rows.map(({ n, ...size }) => [n, size]))
}
