import type { LedgerRun } from './recorded.ts'

/** What the plans of all versions have besides schema and tables. */
const LISTS = ['takeBack', 'claims']
const RECORDS = ['locks', 'described']

type AsRead = Pick<LedgerRun, 'state' | 'plan'>

/**
 * A run's row as it was read, without a plan that lacks what is read of it: somebody has changed it, or it is a broken copy. It would be
 * taken for the plan of a feature that holds nothing.
 */
export function withWholePlan<R extends AsRead>(run: R): R & { plan_lacks: readonly string[] } {
  const plan_lacks = lacking(run)
  return { ...run, plan: plan_lacks.length > 0 ? null : run.plan, plan_lacks }
}

/** What a ledger says of such a run, and what is to be done. */
export const lackingPlan = ({ id, plan_lacks }: Pick<LedgerRun, 'id' | 'plan_lacks'>): string =>
  `column plan of run ${id} in unship.runs lacks ${plan_lacks.join(', ')}: it was changed`
export const BRING_BACK_PLAN = 'Bring that row back from a backup of the database.'

function lacking({ state, plan }: AsRead): string[] {
  if (plan === null) return state === 'absent' ? [] : ['everything']
  const parts: Readonly<Record<string, unknown>> = isRecord(plan) ? plan : {}
  return [
    ...(typeof parts.schema === 'string' ? [] : ['schema']),
    ...(isListOfTables(parts.hosts, ({ columns }) => Array.isArray(columns)) ? [] : ['hosts']),
    ...(isListOfTables(parts.moved, () => true) ? [] : ['moved']),
    ...LISTS.filter((name) => !Array.isArray(parts[name])),
    ...RECORDS.filter((name) => !isRecord(parts[name])),
  ]
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isListOfTables = (value: unknown, isWhole: (table: Readonly<Record<string, unknown>>) => boolean): boolean =>
  Array.isArray(value) &&
  value.every((one) => isRecord(one) && isRecord(one.table) && isRecord(one.backup) && isWhole(one))
