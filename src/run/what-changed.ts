import { isDeepStrictEqual } from 'node:util'
import { describe } from '../catalog/describe.ts'
import { addressKey, nodeQuery, type Node } from '../catalog/dependency.ts'
import type { Index } from '../catalog/index.ts'
import { readJson } from '../catalog/read.ts'
import { readDefinitions, type CatalogRows, type Definitions } from '../catalog/definitions.ts'
import { UnshipError } from '../errors.ts'
import { demandSameSources } from '../plan/data/backup.ts'
import { oursOf } from '../plan/unchanged/same-catalog.ts'
import { OTHER_CATALOG, OTHER_SOURCE } from '../sql-states.ts'
import type { RunContext } from './context.ts'
import { readingTables } from './definitions-patiently.ts'
import type { Inspection } from './removal/inspect.ts'
import { DEPENDENT_OBJECTS_STILL_EXIST, run, sqlState } from './query.ts'
import type { Sources } from './removal/sources.ts'

/** So many changes are named. */
const NAMED = 10

/** What a statement says of an object that is not there, or there already, or that something depends on. */
const OTHER_OBJECTS = ['42704', '42P01', '42703', '42883', '42P07', '42710', DEPENDENT_OBJECTS_STILL_EXIST]

/** Stands before a comparison of the catalog in a caller's transaction. */
const COMPARED = 'unship_compared'

/**
 * Does what compares the catalog; where that fails, `refusal` says what has changed, or null where the error has another reason.
 */
export async function comparing(
  { db, session }: RunContext,
  work: () => Promise<void>,
  refusal: (state: string, error: unknown) => Promise<UnshipError | null>,
): Promise<void> {
  if (session.inTransaction) await run(db, `savepoint ${COMPARED}`)
  try {
    await work()
  } catch (error) {
    const state = sqlState(error) ?? ''
    if (![OTHER_CATALOG, OTHER_SOURCE, ...OTHER_OBJECTS].includes(state)) throw error
    if (session.inTransaction) await run(db, `rollback to savepoint ${COMPARED}`)
    throw (await refusal(state, error)) ?? error
  }
}

/**
 * The refusal of a removal whose objects are not what it was planned from, which says what they are now; null where an error has
 * another reason.
 */
export async function plannedOtherwise(
  context: RunContext,
  { snapshot, plan }: Inspection,
  state: string,
  error: unknown,
): Promise<UnshipError | null> {
  const { db, feature } = context
  const tables = [...plan.hosts, ...plan.moved].map(({ table }) => table)
  const { rows } = await readingTables(context, tables, () =>
    readDefinitions(db, snapshot.scope, snapshot.environment.major),
  )
  const known = new Set(snapshot.nodes.flatMap((node) => [addressKey(node), node.description]))
  const nodes = await readJson<Node>(db, nodeQuery(snapshot.roots, oursOf(plan.hosts)))
  const dependents = nodes
    .filter((node) => !known.has(addressKey(node)) && !known.has(node.description) && isNamed(node))
    .map((node) => `${node.description} is new, and depends on it`)
  const changes = [...changesBetween(snapshot, rows), ...dependents]
  if (state === OTHER_SOURCE && changes.length === 0) return otherSource(error)
  if (state !== OTHER_CATALOG && changes.length === 0) return null
  return new UnshipError({
    code: 'plan_changed',
    message: `what feature ${feature} concerns is not what its removal was planned from`,
    detail: `${listed(changes)}\nNothing has been removed.`,
    hint: 'Run the same command again, when nobody alters these tables; it plans and copies anew.',
  })
}

/** The same where the copy could not go on, or be brought up to date, because of a column or a log that is not there any more. */
export async function watchedOtherwise(context: RunContext, watched: Sources): Promise<UnshipError | null> {
  for (const sql of demandSameSources(watched))
    try {
      await run(context.db, sql)
    } catch (error) {
      if (sqlState(error) !== OTHER_SOURCE) throw error
      return otherSource(error)
    }
  return null
}

/** Values that an ALTER changed were not logged, and definitions may not be those that were planned for. */
const otherSource = (cause: unknown): UnshipError =>
  new UnshipError({
    code: 'plan_changed',
    message: `${cause instanceof Error ? cause.message : String(cause)} while the removal was under way`,
    detail: 'Their backup may not hold what they hold now. Nothing has been removed.',
    hint: 'Run the same command again, when nobody alters the table; it plans and copies anew.',
    cause,
  })

/** The same of a restore that has not begun. */
export async function foundOtherwise(
  context: RunContext,
  { scope, major, rows }: Definitions,
  state: string,
): Promise<UnshipError | null> {
  const { db, feature } = context
  const tables = rows.relations.map((r) => ({ schema: r.nspname, name: r.relname }))
  const now = await readingTables(context, tables, () => readDefinitions(db, scope, major))
  const changes = changesBetween(rows, now.rows)
  if (state !== OTHER_CATALOG && changes.length === 0) return null
  return new UnshipError({
    code: 'plan_changed',
    message: `tables of feature ${feature} are not what its restore has found them to be`,
    detail: `${listed(changes)}\nNothing has been restored.`,
    hint: 'Run the same command again, when nobody alters these tables.',
  })
}

function listed(changes: readonly string[]): string {
  const named =
    changes.length > 0
      ? changes.slice(0, NAMED)
      : ['Something was created anew under its name, or depends on another extension than before']
  const more = changes.length > NAMED ? [`And ${String(changes.length - NAMED)} more`] : []
  return [...named, ...more].map((change) => `${change}.`).join('\n')
}

function changesBetween(before: CatalogRows, now: CatalogRows): string[] {
  const [described, found] = [describe(before), describe(now)]
  const altered = [...new Set([...Object.keys(described), ...Object.keys(found)])].sort().flatMap((identity) => {
    if (isDeepStrictEqual(described[identity], found[identity])) return []
    return [`${identity} ${identity in described ? (identity in found ? 'was altered' : 'is gone') : 'is new'}`]
  })
  const parents = now.relations
    .filter(({ oid, children }) => {
      const relation = before.relations.find((r) => r.oid === oid)
      return relation && !isDeepStrictEqual(relation.children, children)
    })
    .map((r) => `other tables inherit from ${r.nspname}.${r.relname}, or are partitions of it`)
  const rebuilt = now.indexes
    .filter((i) => before.indexes.some((b) => nameOf(b) === nameOf(i) && b.indexrelid !== i.indexrelid))
    .map((i) => `index ${nameOf(i)} was built anew`)
  return [...altered, ...parents, ...rebuilt]
}

const nameOf = ({ nspname, relname }: Index) => `${nspname}.${relname}`

/** Not what comes with something else: row types, the rules of views, the triggers of foreign keys. */
const isNamed = ({ catalog, objsubid, description }: Node): boolean =>
  objsubid === 0 && !['pg_type', 'pg_rewrite'].includes(catalog) && !/^trigger "?RI_ConstraintTrigger/.test(description)
