import { UnshipError } from '../../errors.ts'
import { hiddenName } from '../../names.ts'
import { messageWithoutValues } from '../../server-error.ts'
import type { RunContext } from '../context.ts'
import { sqlState } from '../query.ts'
import { TAKEN_BACK } from '../session.ts'

/** NOT NULL, unique, check and exclusion violations. */
const VIOLATIONS = ['23502', '23505', '23514', '23P01']

/** A restored constraint may not hold for what rows became, or for rows that came, while the feature was away. */
export async function sayingWhichRows<T>(context: RunContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!VIOLATIONS.includes(sqlState(error) ?? '')) throw error
    throw rowsInTheWay(context, { detail: whereToLook(error), cause: error })
  }
}

interface InTheWay {
  readonly message?: string
  readonly detail: readonly string[]
  /** What can be done, each by itself; that rows are changed if not told. */
  readonly ways?: readonly string[]
  /** A restore has begun, and goes on; as it has if not told. */
  readonly begun?: boolean
  readonly cause?: unknown
}

export function rowsInTheWay(
  { feature, session }: RunContext,
  { message, detail, ways = [], begun = true, cause }: InTheWay,
): UnshipError {
  return new UnshipError({
    code: 'rows_in_the_way',
    message: message ?? `a constraint of feature ${feature} does not hold for rows of a table that stayed`,
    detail: detail.join('\n'),
    hint: [...ways, whatThen(ways.length > 0, begun, session.inTransaction)].join('\n'),
    cause,
  })
}

function whatThen(told: boolean, begun: boolean, inTransaction: boolean): string {
  if (!begun) return told ? 'Nothing was restored.' : 'Change those rows. Nothing was restored.'
  if (inTransaction) return TAKEN_BACK
  return `${told ? 'Then' : 'Change those rows, then'} run the same command again; it goes on where it was.`
}

/** PostgreSQL's own detail holds values of rows, which are not for logs: of it, only names, as they were before they were hidden. */
export function whereToLook(error: unknown): string[] {
  const { table, schema, detail } = error as { table?: unknown; schema?: unknown; detail?: unknown }
  const key = typeof detail === 'string' ? /^Key \((.*?)\)=/s.exec(detail)?.[1] : undefined
  const where = typeof table === 'string' && typeof schema === 'string' ? `Table ${schema}.${table}` : null
  return [
    `${messageWithoutValues(error)}.`,
    ...(where === null
      ? []
      : [`${where}${key === undefined ? '' : `, key (${key})`}; the rows' values are left out here.`]),
  ].map((line) => line.replaceAll(hiddenName(''), ''))
}
