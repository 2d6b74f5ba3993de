import type { RecordedPlan } from '../../ledger/recorded.ts'
import { checkBroken } from '../../plan/data/host-demands.ts'
import { shown } from '../../plan/model.ts'
import type { HostCheck, HostPlan } from '../../plan/plan.ts'
import { dollarQuote, literal } from '../../sql.ts'
import { brokenKeys } from './broken-keys.ts'
import { setAll } from '../as-caller.ts'
import type { RunContext } from '../context.ts'
import { asFiller } from './fill.ts'
import { looking } from '../observe.ts'
import { row } from '../query.ts'
import { rowsInTheWay } from './rows-in-the-way.ts'
import { whatIsAside } from './set-aside-report.ts'

/** Refuses before the first change where rows have come to break checks and foreign keys that are to come back, or their parents went. */
export async function refuseBrokenAtFirst(context: RunContext, plan: RecordedPlan): Promise<void> {
  await refuseBroken(context, plan, null)
}

/** The same of filled columns that are still hidden, in a restore. Tells how long the checks took, in ms. */
export const refuseBrokenDemands = (context: RunContext, plan: RecordedPlan, runId: string): Promise<number> =>
  refuseBroken(context, plan, runId)

/** @param runId the restore, where it has begun */
async function refuseBroken(context: RunContext, plan: RecordedPlan, runId: string | null): Promise<number> {
  const begun = runId !== null
  const started = performance.now()
  const checks = await brokenChecks(context, plan, begun)
  const tookMs = performance.now() - started
  const keys = await brokenKeys(context, plan, begun ? 'hidden' : 'before')
  if (checks.length + keys.length === 0) return tookMs
  throw rowsInTheWay(context, {
    detail: [
      ...checks,
      ...keys.flatMap((k) => k.detail),
      ...(begun && keys.length > 0 ? await whatIsAside(context, runId) : []),
    ],
    ways: [
      ...(checks.length > 0 && keys.length > 0 ? ['Change the rows that a check does not hold for.'] : []),
      ...keys.map((k) => k.way),
    ],
    begun,
  })
}

/** Longer looks are not taken once more with each attempt of the reveal. */
const SOON_MS = 500

/** What was not found: as an expression may not, without the caller's search_path. */
const NOT_FOUND = ['function', 'table', 'object', 'column'].map((of) => `undefined_${of}`).join(' or ')

/**
 * For the reveal, before its locks: looks at the checks once more, where that took no time before. A row that breaks one when it is back
 * could not be written by anybody. What cannot be asked here is left to the validation.
 */
export function brokenChecksAhead({ session }: RunContext, { hosts }: RecordedPlan, tookMs: number): string[] {
  if (tookMs > SOON_MS) return []
  const { callers, settings } = session
  return hosts.flatMap((host) =>
    (host.checks ?? []).flatMap((check) => {
      const sql = checkBroken(host, check, true)
      return sql === null
        ? []
        : [
            `select ${setAll(callers, callers)}`,
            `do ${dollarQuote(
              `
declare
  broken boolean;
begin
  begin
    broken := ${sql};
  exception when ${NOT_FOUND} or invalid_schema_name then null;
  end;
  if broken then
    raise exception using message = ${literal(told(host, check).replace(/[.]$/, ''))}, errcode = 'check_violation';
  end if;
end`,
              'checks',
            )}`,
            `select ${setAll(callers, settings)}`,
          ]
    }),
  )
}

async function brokenChecks(context: RunContext, plan: RecordedPlan, filled: boolean): Promise<string[]> {
  const broken: string[] = []
  for (const host of plan.hosts)
    for (const check of host.checks ?? []) {
      const sql = checkBroken(host, check, filled)
      if (
        sql !== null &&
        (await holds(context, sql, `check ${check.name} of ${shown(host.table)} is asked of its rows`))
      )
        broken.push(told(host, check))
    }
  return broken
}

const told = (host: HostPlan, { name, columns }: HostCheck) =>
  `check ${name} of ${shown(host.table)} (${columns.join(', ')}) does not hold: rows were changed or inserted meanwhile.`

async function holds(context: RunContext, sql: string, what: string): Promise<boolean> {
  let is = false
  await asFiller(context, async () => {
    is = (await looking(context, what, () => row<{ is: boolean }>(context.db, `select ${sql} as is`))).is
  })
  return is
}
