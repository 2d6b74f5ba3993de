import { UnshipError } from '../errors.ts'
import type { RunContext } from './context.ts'
import { sqlState } from './query.ts'

/** NOT NULL, unique, check and exclusion violations. */
const VIOLATIONS = ['23502', '23505', '23514', '23P01']

export const GOES_ON = 'Change those rows, then run the same command again; it goes on where it was.'

/** A restored constraint may not hold for what rows became, or for rows that came, while the feature was away. */
export async function sayingWhichRows<T>(context: RunContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!VIOLATIONS.includes(sqlState(error) ?? '') || !(error instanceof Error)) throw error
    throw rowsInTheWay(context, { detail: [error.message, ...whereToLook(error)], hint: GOES_ON, cause: error })
  }
}

/** @param broken.detail what does not hold, one by one */
export function rowsInTheWay(
  { feature }: RunContext,
  { detail, hint, cause }: { readonly detail: readonly string[]; readonly hint: string; readonly cause?: unknown },
): UnshipError {
  return new UnshipError({
    code: 'rows_in_the_way',
    message: `a constraint of feature ${feature} does not hold for rows of a table that stayed`,
    detail: detail.join('\n'),
    hint,
    cause,
  })
}

/** PostgreSQL's own detail holds values of rows, which are not for logs: of it, only names. */
function whereToLook(error: Error): string[] {
  const { table, schema, detail } = error as Error & { table?: unknown; schema?: unknown; detail?: unknown }
  const key = typeof detail === 'string' ? /^Key \((.*?)\)=/s.exec(detail)?.[1] : undefined
  const where = typeof table === 'string' && typeof schema === 'string' ? `Table ${schema}.${table}` : null
  if (where === null) return []
  return [`${where}${key === undefined ? '' : `, key (${key})`}; the rows' values are left out here.`]
}
