import { isDeepStrictEqual } from 'node:util'
import { describe } from '../catalog/describe.ts'
import { addressKey, nodeQuery, type Node } from '../catalog/dependency.ts'
import { readJson } from '../catalog/read.ts'
import { readDefinitions } from '../catalog/snapshot.ts'
import { UnshipError } from '../errors.ts'
import { oursOf } from '../plan/same-catalog.ts'
import { OTHER_CATALOG } from '../sql-states.ts'
import type { RunContext } from './context.ts'
import type { Inspection } from './inspect.ts'
import { run, sqlState } from './query.ts'

/** So many changes are named. */
const NAMED = 10

/** What a statement of the cut-over says of an object that is not there, or there already, or that something depends on. */
const OTHER_OBJECTS = ['42704', '42P01', '42703', '42883', '42P07', '42710', '2BP01']

/** Stands before a cut-over in a caller's transaction. */
export const CUTTING_OVER = 'unship_cut_over'

/**
 * The refusal of a removal whose objects are not what it was planned from, which says what they are now; null where an error has
 * another reason.
 */
export async function whatChanged(
  context: RunContext,
  { snapshot: planned, plan }: Inspection,
  cause: unknown,
): Promise<UnshipError | null> {
  const { db, session, feature } = context
  const state = sqlState(cause) ?? ''
  if (state !== OTHER_CATALOG && !OTHER_OBJECTS.includes(state)) return null
  if (session.inTransaction) await run(db, `rollback to savepoint ${CUTTING_OVER}`)
  const { rows } = await readDefinitions(db, planned.scope, planned.environment.major)
  const known = new Set(planned.nodes.map(addressKey))
  const nodes = await readJson<Node>(db, nodeQuery(planned.roots, oursOf(plan.hosts)))
  const [before, now] = [describe(planned), describe(rows)]
  const altered = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort().flatMap((identity) => {
    if (isDeepStrictEqual(before[identity], now[identity])) return []
    return [`${identity} ${identity in before ? (identity in now ? 'was altered' : 'is gone') : 'is new'}`]
  })
  const parents = rows.relations
    .filter(({ oid, children }) => {
      const relation = planned.relations.find((r) => r.oid === oid)
      return relation && !isDeepStrictEqual(relation.children, children)
    })
    .map((r) => `other tables inherit from ${r.nspname}.${r.relname}, or are partitions of it`)
  const dependents = nodes
    .filter((node) => !known.has(addressKey(node)) && isNamed(node))
    .map((node) => `${node.description} is new, and depends on it`)
  const changes = [...altered, ...parents, ...dependents]
  if (state !== OTHER_CATALOG && changes.length === 0) return null
  return new UnshipError({
    code: 'plan_changed',
    message: `what feature ${feature} concerns is not what its removal was planned from`,
    detail: [
      ...(changes.length > 0 ? changes.slice(0, NAMED) : ['Something was created anew under its name']).map(
        (c) => `${c}.`,
      ),
      ...(changes.length > NAMED ? [`And ${String(changes.length - NAMED)} more.`] : []),
      'Nothing has been removed.',
    ].join('\n'),
    hint: 'Run the same command again, when nobody alters these tables; it plans and copies anew.',
  })
}

/** Not what comes with something else: row types, the rules of views, the triggers of foreign keys. */
const isNamed = ({ catalog, objsubid, description }: Node): boolean =>
  objsubid === 0 && !['pg_type', 'pg_rewrite'].includes(catalog) && !/^trigger "?RI_ConstraintTrigger/.test(description)
