import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { shown } from '../../plan/model.ts'
import type { HostPlan, MovedPlan } from '../../plan/plan.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import type { LedgerRun, RecordedPlan } from '../../ledger/recorded.ts'
import { backupsOf } from './backups.ts'
import { readReset } from './emptied.ts'
import { atTheirStart, definitionChanges, readKeptDefinitions } from './kept-definitions.ts'
import { row } from '../query.ts'
import { isSameLedger } from '../same-ledger.ts'

/** By backup, its columns and the names of what hangs on it: what a restore renames must be there. */
export type Shapes = Readonly<Record<string, readonly string[]>>

interface Backups {
  readonly hosts: readonly HostPlan[]
  readonly moved: readonly MovedPlan[]
}

/** Types of their columns by identifier and modifier, as they are called. */
export type TypeNames = Readonly<Record<string, string>>

/** @param types what types that were renamed since were called */
export async function readShapes(db: AnyKysely, plan: Backups, types: TypeNames = {}): Promise<Shapes> {
  const shapes: Record<string, readonly string[]> = {}
  for (const { table } of backupsOf(plan)) shapes[shown(table)] = await readShape(db, table, types)
  return shapes
}

export async function readTypeNames(db: AnyKysely, plan: Backups): Promise<TypeNames> {
  const tables = backupsOf(plan).map(({ table }) => `(${literal(qualified(table))}::pg_catalog.regclass)`)
  if (tables.length === 0) return {}
  const found = await readJson<{ type: string; name: string }>(
    db,
    `select distinct ${TYPE} as type, pg_catalog.format_type(a.atttypid, a.atttypmod) as name
     from (values ${tables.join(', ')}) b(oid) join pg_catalog.pg_attribute a on a.attrelid = b.oid
     where a.attnum > 0 and not a.attisdropped and a.atttypid >= 16384`,
  )
  return Object.fromEntries(found.map(({ type, name }) => [type, name]))
}

const TYPE = `pg_catalog.concat_ws(':', a.atttypid, a.atttypmod)`

async function readShape(db: AnyKysely, table: QualifiedName, types: TypeNames): Promise<string[]> {
  const was = `${literal(JSON.stringify(types))}::pg_catalog.jsonb ->> ${TYPE}`
  const oid = `${literal(qualified(table))}::pg_catalog.regclass`
  const { lines } = await row<{ lines: string }>(
    db,
    `select coalesce(pg_catalog.json_agg(s.line order by s.line), '[]')::text as lines from (
       select 'column ' || a.attname || ' ' || coalesce(${was}, pg_catalog.format_type(a.atttypid, a.atttypmod)) as line
       from pg_catalog.pg_attribute a where a.attrelid = ${oid} and a.attnum > 0 and not a.attisdropped
       union all
       select 'index ' || c.relname from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid where i.indrelid = ${oid}
       union all
       select 'constraint ' || k.conname from pg_catalog.pg_constraint k where k.conrelid = ${oid} and k.contype in ('c', 'f', 'p', 'u', 'x')
       union all
       select 'trigger ' || t.tgname from pg_catalog.pg_trigger t where t.tgrelid = ${oid} and not t.tgisinternal
       union all
       select 'policy ' || p.polname from pg_catalog.pg_policy p where p.polrelid = ${oid}
       union all
       select 'rule ' || r.rulename from pg_catalog.pg_rewrite r where r.ev_class = ${oid}
     ) s`,
  )
  return JSON.parse(lines) as string[]
}

/** What was done to the backups since: an addition to a moved table would come back with it, one to a copy does no harm. */
function shapeChanges(plan: Backups, sealed: Shapes, found: Shapes): string[] {
  const moved = new Set(plan.moved.map((m) => shown(m.backup)))
  return Object.entries(sealed).flatMap(([table, before]) => {
    const now = found[table] ?? []
    return [
      ...before.filter((line) => !now.includes(line)).map((line) => `${table}: ${line} is missing.`),
      ...now.filter((line) => moved.has(table) && !before.includes(line)).map((line) => `${table}: ${line} is new.`),
    ]
  })
}

/** What is found of backups that were altered. */
export interface BackupChanges {
  readonly changes: readonly string[]
  /** What is said of sequences that a crash has set back: no change, for they were unlogged. */
  readonly reset: readonly string[]
}

/** All that was done to them since a removal ended; ledgers of earlier versions do not tell all of it, or nothing. */
export async function backupChanges(
  db: AnyKysely,
  { id, shapes, types, definitions }: Pick<LedgerRun, 'id' | 'shapes' | 'types' | 'definitions'>,
  plan: Backups & Pick<RecordedPlan, 'ledger'>,
): Promise<BackupChanges> {
  const called = types !== null && (await isSameLedger(db, plan)) ? types : {}
  const changes = shapes === null ? [] : shapeChanges(plan, shapes, await readShapes(db, plan, called))
  // what has gone is told once
  if (changes.length > 0 || definitions === null) return { changes, reset: [] }
  const found = await readKeptDefinitions(db, id, plan)
  if (!found) return { changes: [], reset: [] }
  const reset = await readReset(db, plan, atTheirStart(definitions, found))
  return { changes: definitionChanges(definitions, found, reset), reset: [...reset.values()] }
}

/** Row count and hash of the statements that restore what a removal took. */
export async function sealStatements(db: AnyKysely, runId: string): Promise<string> {
  const { seal } = await row<{ seal: string }>(
    db,
    `select pg_catalog.count(*)::text || ':' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(coalesce(
       pg_catalog.string_agg(pg_catalog.concat_ws(' ', s.position, s.phase, s.action, s.lock_mode, s.object, s.sql), ';' order by s.position), ''), 'UTF8')), 'hex') as seal
     from ${LEDGER_SCHEMA}.statements s where s.run_id = ${runId}`,
  )
  return seal
}
