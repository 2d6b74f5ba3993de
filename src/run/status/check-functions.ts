import { checkedRoutinesQuery, validateRoutine } from '../../catalog/health.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { readJson } from '../../catalog/read.ts'
import { latestRun } from '../../ledger/ledger.ts'
import { hasWord } from '../../plan/refusals/kept-triggers.ts'
import { literal } from '../../sql.ts'
import type { HealthCheck } from './check-health.ts'
import { run, sqlState } from '../query.ts'
import type { FeatureStatus } from './read-status.ts'
import type { Session } from '../session.ts'

const GONE = ['removed', 'archived', 'purged']

/**
 * Functions whose text no longer fits the database. The validators of SQL and PL/pgSQL
 * tell what they would tell CREATE FUNCTION; statements within PL/pgSQL are
 * checked only when they run, so a function that mentions what is gone is a note.
 */
export async function brokenFunctions(session: Session, statuses: readonly FeatureStatus[]): Promise<HealthCheck[]> {
  const gone: { feature: string; names: string[]; columns: { table: string; column: string }[] }[] = []
  for (const { feature, state } of statuses) {
    const plan = GONE.includes(state) ? (await latestRun(session.db, feature))?.plan : null
    if (!plan) continue
    const whole = plan.claims.filter((c) => c.kind === 'relation' || c.kind === 'function').map((c) => c.name)
    gone.push({
      feature,
      names: whole,
      columns: plan.hosts.flatMap((h) => h.columns.map((c) => ({ table: h.table.name, column: c.name }))),
    })
  }
  if (gone.length === 0) return []
  const routines = await readJson<{
    oid: Oid
    function: string
    language: 'sql' | 'plpgsql'
    prosrc: string
    path: string | null
  }>(session.db, checkedRoutinesQuery)
  const broken: string[] = []
  const mentions: string[] = []
  for (const routine of routines) {
    const said = await complaint(session, routine)
    const named = gone.flatMap(({ names, columns }) => [
      ...names.filter((name) => hasWord(routine.prosrc, name)),
      ...columns
        .filter(({ table, column }) => hasWord(routine.prosrc, column) && hasWord(routine.prosrc, table))
        .map(({ table, column }) => `${table}.${column}`),
    ])
    if (said !== null) broken.push(`${routine.function}: ${said}`)
    else if (named.length > 0) mentions.push(`${routine.function} mentions ${[...new Set(named)].join(', ')}`)
  }
  return [
    { feature: null, check: 'functions still compile', result: broken.length > 0 ? 'problem' : 'ok', found: broken },
    {
      feature: null,
      check: 'no function mentions what is gone',
      result: mentions.length > 0 ? 'note' : 'ok',
      found: mentions,
    },
  ]
}

/** What the validator says, under the path on which the function would run; null: nothing. */
async function complaint(
  { db, inTransaction, callersPath }: Session,
  { oid, language, path }: { oid: Oid; language: 'sql' | 'plpgsql'; path: string | null },
): Promise<string | null> {
  await run(db, inTransaction ? 'savepoint unship_check' : 'begin')
  try {
    await run(
      db,
      `select pg_catalog.set_config('search_path', ${literal(path ?? callersPath)}, true), pg_catalog.set_config('check_function_bodies', 'on', true)`,
    )
    await run(db, validateRoutine(oid, language))
    return null
  } catch (error) {
    // not ours to call
    if (sqlState(error) === '42501') return null
    if (sqlState(error) === undefined) throw error
    return error instanceof Error ? error.message : String(error)
  } finally {
    await run(db, inTransaction ? 'rollback to savepoint unship_check' : 'rollback')
  }
}
