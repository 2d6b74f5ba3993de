import { UnshipError } from '../errors.ts'
import type { RunContext } from './context.ts'
import { sqlState } from './query.ts'

/** NOT NULL, unique, check and exclusion violations. */
const VIOLATIONS = ['23502', '23505', '23514', '23P01']

/** A restored constraint may not hold for what rows became, or for rows that came, while the feature was away. */
export async function sayingWhichRows<T>({ feature }: RunContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!VIOLATIONS.includes(sqlState(error) ?? '') || !(error instanceof Error)) throw error
    throw new UnshipError({
      code: 'rows_in_the_way',
      message: `a constraint of feature ${feature} does not hold for rows of a table that stayed`,
      detail: [error.message, ...whereToLook(error)].join('\n'),
      hint: 'Change those rows, then run the same command again; it goes on where it was.',
      cause: error,
    })
  }
}

/** PostgreSQL's own detail holds values of rows, which are not for logs: of it, only names. */
function whereToLook(error: Error): string[] {
  const { table, schema, detail } = error as Error & { table?: unknown; schema?: unknown; detail?: unknown }
  const key = typeof detail === 'string' ? /^Key \((.*?)\)=/s.exec(detail)?.[1] : undefined
  const where = typeof table === 'string' && typeof schema === 'string' ? `Table ${schema}.${table}` : null
  if (where === null) return []
  return [`${where}${key === undefined ? '' : `, key (${key})`}; the rows' values are left out here.`]
}
