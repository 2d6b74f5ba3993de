import type { LedgerStatement } from '../../ledger/recorded.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { shown } from '../../plan/model.ts'
import { id } from '../../sql.ts'
import type { RunContext } from '../context.ts'
import { sqlState } from '../query.ts'
import { rowsInTheWay, whereToLook } from './rows-in-the-way.ts'

/*
 * A materialized view comes back with the rows that its query gives then. It may fail for them, or an index of the view may, though
 * the view stood there with the rows of its last refresh.
 */

/** Several rows where one is asked for, data exceptions, violations, and what the application raises. */
const FOR_ROWS = /^(?:21|22|23|P0)/

/** Finds the statement that fills the view that an error is about. */
export type FilledBy = (error: unknown) => LedgerStatement | undefined

/** Says of an error that it is about a materialized view, where it is. */
export async function sayingWhichView<T>(
  context: RunContext,
  removalId: string,
  filledBy: FilledBy,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const statement = FOR_ROWS.test(sqlState(error) ?? '') ? filledBy(error) : undefined
    if (!statement) throw error
    throw rowsInTheWay(context, {
      message: `${nameOf(statement)} of feature ${context.feature} cannot be filled`,
      detail: [
        ...whereToLook(error),
        `It comes back with the rows that its query gives now: that is in ${LEDGER_SCHEMA}.statements, run_id ${removalId}, position ${String(statement.position)}.`,
      ],
      ways: [
        'Change the rows that it reads, or a function that it calls. (For rows of the feature itself, see rows_in_the_way in docs/runbook.md.)',
      ],
      cause: error,
    })
  }
}

const QUOTED = /"((?:[^"]|"")+)"\."((?:[^"]|"")+)"$/
const asIs = (part: string) => part.replaceAll('""', '"')

/** From its reason, for its SQL may have the hidden name. */
const nameOf = ({ reason }: LedgerStatement): string =>
  reason
    .replace(/(?:, filled| comes back)$/, '')
    .replace(QUOTED, (_, schema: string, name: string) => shown({ schema: asIs(schema), name: asIs(name) }))

/** In a build these come last, each view before its indexes. */
export const ofBuild =
  (statements: readonly LedgerStatement[], statement: LedgerStatement): FilledBy =>
  () =>
    statements.findLast((s) => s.action === 'materialized view' && s.position <= statement.position)

const CREATED = /^create materialized view ("(?:[^"]|"")+"\."(?:[^"]|"")+")/
/** Whatever language the server speaks. */
const UNDER_WAY = /(?:create|refresh) materialized view ("(?:[^"]|"")+"\."(?:[^"]|"")+")/

/** In a short transaction PostgreSQL tells in which statement, or of which relation, it was. */
export const ofReveal =
  (statements: readonly LedgerStatement[]): FilledBy =>
  (error) => {
    const { where, schema, table } = error as { where?: unknown; schema?: unknown; table?: unknown }
    const named = typeof schema === 'string' && typeof table === 'string' ? id(schema, table) : undefined
    const name = (typeof where === 'string' ? UNDER_WAY.exec(where)?.[1] : undefined) ?? named
    return name === undefined ? undefined : statements.find(({ sql }) => CREATED.exec(sql)?.[1] === name)
  }
