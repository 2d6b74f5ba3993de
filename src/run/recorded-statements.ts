import type { AnyKysely } from '../any-kysely.ts'
import { readStatements } from '../ledger/ledger.ts'
import type { LedgerStatement } from '../ledger/recorded.ts'
import { KEEP_ROLE, ROLE_AS_KEPT } from '../plan/objects/acl.ts'
import { FOREIGN_KEY } from '../plan/objects/constraints.ts'

/** What runs statements only if something is there, and a statement in it. */
const CONDITIONAL = 'do $there'
const SET_ROLE = 'set local role '
const INNER = /execute (\$\w+\$)([^]*?)\1;/g

/**
 * The statements of a removal's restore. In ledgers of earlier versions a grant that is made in its grantor's role ends in the role
 * that removed, which would then do all the rest of the restore: it ends in the role that the session has set, instead.
 */
export async function recordedStatements(db: AnyKysely, removalId: string): Promise<LedgerStatement[]> {
  const statements = foreignKeysLast(await readStatements(db, removalId))
  const roles = rolesAsKept()
  return statements.flatMap((s) =>
    s.sql.startsWith(CONDITIONAL) ? { ...s, sql: inner(s.sql) } : roles(s.sql).map((sql) => ({ ...s, sql })),
  )
}

/** Why a statement is in the plan that gives a partitioned index its parts. */
const MADE_WHOLE = /^it becomes a part of index |^constraint .* in partitions that have come since$/s

/** In ledgers of earlier versions foreign keys come back before the unique keys of partitioned tables have all their parts. */
function foreignKeysLast(statements: readonly LedgerStatement[]): LedgerStatement[] {
  const until = statements.findLastIndex((s) => s.phase === 'reveal' && MADE_WHOLE.test(s.reason)) + 1
  const [before, after] = [statements.slice(0, until), statements.slice(until)]
  const isKey = (s: LedgerStatement) => s.phase === 'reveal' && s.reason.startsWith(`${FOREIGN_KEY} `)
  return [...before.filter((s) => !isKey(s)), ...before.filter(isKey), ...after]
}

/** By turns: into the grantor's role, and out of it. */
function rolesAsKept(): (sql: string) => string[] {
  let kept = false
  let within = false
  return (sql) => {
    if (sql === KEEP_ROLE || !sql.startsWith(SET_ROLE)) {
      kept = sql === KEEP_ROLE
      return [sql]
    }
    if (kept) return [sql]
    within = !within
    return within ? [KEEP_ROLE, sql] : [ROLE_AS_KEPT]
  }
}

function inner(conditional: string): string {
  const roles = rolesAsKept()
  return conditional.replace(INNER, (_, tag: string, sql: string) =>
    roles(sql)
      .map((one) => `execute ${tag}${one}${tag};`)
      .join('\n    '),
  )
}

/** A statement, and those that it runs only if something is there. */
export const partsOf = ({ sql }: Pick<LedgerStatement, 'sql'>): string[] =>
  sql.startsWith(CONDITIONAL) ? [...sql.matchAll(INNER)].map(([, , part = '']) => part) : [sql]
