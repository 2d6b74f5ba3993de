import type { AnyKysely } from '../any-kysely.ts'
import { readStatements, type LedgerStatement } from '../ledger/ledger.ts'
import { KEEP_ROLE, ROLE_AS_KEPT } from '../plan/acl.ts'

/** What runs statements only if something is there, and a statement in it. */
const CONDITIONAL = 'do $there'
const SET_ROLE = 'set local role '
const INNER = /execute (\$\w+\$)([^]*?)\1;/g

/**
 * The statements of a removal's restore. In ledgers of earlier versions a grant that is made in its grantor's role ends in the role
 * that removed, which would then do all the rest of the restore: it ends in the role that the session has set, instead.
 */
export async function recordedStatements(db: AnyKysely, removalId: string): Promise<LedgerStatement[]> {
  const statements = await readStatements(db, removalId)
  const roles = rolesAsKept()
  return statements.flatMap((s) =>
    s.sql.startsWith(CONDITIONAL) ? { ...s, sql: inner(s.sql) } : roles(s.sql).map((sql) => ({ ...s, sql })),
  )
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
