import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'
import { currentMigration } from '../current-migration.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { UnshipError } from '../errors.ts'
import type { Phase, PlannedObject, Statement } from '../plan/plan.ts'
import { ownerHint } from '../owner-hint.ts'
import { literal } from '../sql.ts'
import { createLedger, LEDGER_FORMAT, LEDGER_SCHEMA, LEDGER_TABLES } from './schema.ts'
import { ODD_LEDGER, oddLedger, refuseUntrusted } from './trusted.ts'
import { PACKAGE_VERSION } from './version.ts'
import { whoAndWhy, type Said } from './who.ts'
import { withWholePlan } from './whole-plan.ts'
import { type RunState, type RecordedPlan, type LedgerRun, type LedgerStatement } from './recorded.ts'

const runs = `${LEDGER_SCHEMA}.runs`

/*
 * JSON goes as a parameter that is a text: a driver that asks the server for the types, and is told jsonb, makes JSON of it once more.
 */

export async function ledgerExists(db: AnyKysely): Promise<boolean> {
  const result = await sql<{ owner: string; superuser: boolean; usable: boolean; odd: boolean; me: string }>`
    select r.rolname::text as owner, r.rolsuper as superuser, current_user::text as me, ${sql.raw(ODD_LEDGER)} as odd,
      pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT') as usable
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_roles r on r.oid = c.relowner where n.nspname = ${LEDGER_SCHEMA} and c.relname = 'runs'`.execute(
    db,
  )
  const [ledger] = result.rows
  if (ledger?.odd) throw oddLedger()
  if (ledger && !ledger.usable)
    throw new UnshipError({
      code: 'missing_privilege',
      message: `role ${ledger.me} may not read the ledger in schema ${LEDGER_SCHEMA}`,
      detail: `It belongs to ${ledger.owner}; removals in this database were run as that role, not as ${ledger.me}.`,
      hint: ledger.superuser
        ? ownerHint('it', ledger.me, [
            { ...ledger, object: `schema ${LEDGER_SCHEMA}` },
            ...LEDGER_TABLES.map((name) => ({ ...ledger, object: `table ${LEDGER_SCHEMA}.${name}` })),
          ])
        : `Run it as ${ledger.owner}, or grant that role to ${ledger.me}.`,
    })
  return ledger !== undefined
}

/** Creates the ledger where it is missing, readable by its owner only. */
export async function ensureLedger(db: AnyKysely): Promise<void> {
  if (await ledgerExists(db)) return
  // default privileges may give others something on what is created; one round trip, hence all or nothing
  await sql
    .raw(
      `${createLedger}
do $$
declare grant_of record;
begin
  for grant_of in
    select pg_catalog.format('%s %s', case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::pg_catalog.regclass) as object, a.grantee
    from pg_catalog.pg_class c cross join lateral pg_catalog.aclexplode(c.relacl) a
    where c.relnamespace = '${LEDGER_SCHEMA}'::pg_catalog.regnamespace and a.grantee <> c.relowner and c.relkind in ('r', 'S')
    union
    select 'schema ${LEDGER_SCHEMA}', a.grantee
    from pg_catalog.pg_namespace n cross join lateral pg_catalog.aclexplode(n.nspacl) a
    where n.nspname = '${LEDGER_SCHEMA}' and a.grantee <> n.nspowner
  loop
    execute pg_catalog.format('revoke all on %s from %s cascade', grant_of.object,
      case grant_of.grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grant_of.grantee)) end);
  end loop;
end $$`,
    )
    .execute(db)
  // somebody may have made its schema meanwhile
  await refuseUntrusted(db)
}

/** The feature's latest run; runs that found nothing or were taken back do not count. */
export async function latestRun(db: AnyKysely, feature: string): Promise<LedgerRun | null> {
  if (!(await ledgerExists(db))) return null
  const [found] = await readRuns(
    db,
    `feature = ${literal(feature)} and state <> 'aborted' order by runs.id desc limit 1`,
  )
  return found ?? null
}

export async function runById(db: AnyKysely, id: string): Promise<LedgerRun> {
  const [found] = await readRuns(db, `id = ${literal(id)}`)
  if (!found)
    throw new UnshipError({
      code: 'wrong_state',
      message: `run ${id} is missing from the ledger`,
      detail: `A row of ${runs} was deleted.`,
      hint: 'Restore the ledger from a backup of the database.',
    })
  return found
}

/** Removals that were neither restored nor taken back, of any feature. */
export const removedRuns = async (db: AnyKysely): Promise<LedgerRun[]> =>
  (await runsInEffect(db)).filter(({ direction }) => direction === 'removal')

/** The same, and restores that have not ended. */
export async function runsInEffect(db: AnyKysely): Promise<LedgerRun[]> {
  if (!(await ledgerExists(db))) return []
  return await readRuns(
    db,
    `(direction = 'removal' and state in ('running', 'done') or direction = 'restore' and state = 'running') and not exists (
       select from ${runs} later where later.feature = runs.feature and later.id > runs.id and later.state <> 'aborted') order by id`,
  )
}

async function readRuns(db: AnyKysely, where: string): Promise<LedgerRun[]> {
  const result = await sql<{ json: string }>`
    select pg_catalog.row_to_json(r)::text as json from (
      select id::text as id, format, feature, direction, phase, state, removal_id::text as removal_id, plan,
        (select removal.plan ->> 'migration' from ${sql.raw(runs)} removal where removal.id = coalesce(runs.removal_id, runs.id)) as migration, declaration, counts, checksums, coalesce(plan -> 'hostRows', report -> 'hostRows') as host_rows,
        finished_at, fingerprint, case when report ? 'backups' then pg_catalog.jsonb_path_query_array(report, '$.backups[*].table') end as sealed_backups, server_version, report -> 'shapes' as shapes, report -> 'types' as types, report -> 'definitions' as definitions, report ->> 'statements' as sealed_statements
      from ${sql.raw(runs)} where ${sql.raw(where)}) r`.execute(db)
  return result.rows.map(({ json }) => {
    const read = JSON.parse(json) as Omit<LedgerRun, 'plan_lacks'>
    if (read.format > LEDGER_FORMAT)
      throw new UnshipError({
        code: 'ledger_format',
        message: `the ledger has format ${String(read.format)}, this version of kysely-unship knows ${String(LEDGER_FORMAT)}`,
        detail: `A newer version wrote run ${read.id} of feature ${read.feature}.`,
        hint: 'Upgrade kysely-unship. Nothing was changed.',
      })
    return withWholePlan(read)
  })
}

export interface NewRun extends Said {
  readonly feature: string
  readonly direction: 'removal' | 'restore'
  readonly phase: Phase
  readonly state: RunState
  readonly removalId?: string
  readonly declaration?: FeatureDeclaration
  readonly fingerprint?: string
  readonly plan?: RecordedPlan
  readonly counts?: Readonly<Record<string, number>>
}

/** By which a database that was brought elsewhere as a dump is told from the one that it was. */
export const ledgerOid = `'${runs}'::pg_catalog.regclass::pg_catalog.oid::text`

/** Starts a run's row. */
export async function startRun(db: AnyKysely, run: NewRun): Promise<string> {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value))
  const { actor, reason, build } = whoAndWhy(run)
  const result = await sql<{ id: string }>`
    insert into ${sql.raw(runs)}
      (format, feature, direction, phase, state, removal_id, actor, reason, build, package_version, fingerprint, declaration, plan, counts,
       finished_at)
    values (${LEDGER_FORMAT}, ${run.feature}, ${run.direction}, ${run.phase}, ${run.state}, ${run.removalId ?? null}::bigint,
      ${actor}, ${reason}, ${build}, ${PACKAGE_VERSION}, ${run.fingerprint ?? null}, ${json(run.declaration)}::text::jsonb,
      pg_catalog.jsonb_build_object('ledger', ${sql.raw(ledgerOid)}) || ${json(run.plan)}::text::jsonb || pg_catalog.jsonb_build_object('migration', ${currentMigration()}::text),
      ${json(run.counts ?? {})}::text::jsonb, case when ${run.state} = 'running' then null else pg_catalog.clock_timestamp() end)
    returning id::text as id`.execute(db)
  const id = result.rows[0]?.id
  if (id === undefined) throw new Error('the ledger returned no run')
  return id
}

export async function saveObjects(db: AnyKysely, runId: string, objects: readonly PlannedObject[]): Promise<void> {
  const values = objects.map((o, position) => ({ position, ...o }))
  await sql`
    insert into ${sql.raw(`${LEDGER_SCHEMA}.objects`)}
      (run_id, position, kind, identity, handling, why, removal_sql, restore_sql, fingerprint)
    select ${runId}::bigint, o.position, o.kind, o.identity, o.handling, o.why, o."removalSql", o."restoreSql",
      pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(o.identity || coalesce(o."restoreSql", ''), 'UTF8')), 'hex')
    from pg_catalog.jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb)
      o(position int, kind text, identity text, handling text, why text, "removalSql" text, "restoreSql" text)`.execute(
    db,
  )
}

export async function saveStatements(db: AnyKysely, runId: string, statements: readonly Statement[]): Promise<void> {
  const values = statements.map((s, position) => ({ position, ...s }))
  await sql`
    insert into ${sql.raw(`${LEDGER_SCHEMA}.statements`)} (run_id, position, phase, action, sql, reason, lock_mode, relations, object)
    select ${runId}::bigint, s.position, s.phase, s.action, s.sql, s.reason, s.lock,
      array(select pg_catalog.jsonb_array_elements_text(s.relations)), s.object
    from pg_catalog.jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb)
      s(position int, phase text, action text, sql text, reason text, lock text, relations jsonb, object text)`.execute(
    db,
  )
}

/** The statements that restore what a removal took, in order. */
export async function readStatements(db: AnyKysely, removalId: string): Promise<LedgerStatement[]> {
  const result = await sql<{ json: string }>`
    select coalesce(pg_catalog.json_agg(s order by s.position), '[]')::text as json from (
      select position, phase, action, sql, reason, lock_mode as lock, relations, object, done_at is not null as done
      from ${sql.raw(`${LEDGER_SCHEMA}.statements`)} where run_id = ${removalId}::bigint) s`.execute(db)
  return JSON.parse(result.rows[0]?.json ?? '[]') as LedgerStatement[]
}
