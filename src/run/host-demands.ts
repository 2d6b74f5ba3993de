import type { RecordedPlan } from '../ledger/ledger.ts'
import { checkBroken, keyBroken, referencedBeforeReveal } from '../plan/host-demands.ts'
import { shown } from '../plan/model.ts'
import type { HostPlan } from '../plan/plan.ts'
import { dollarQuote, literal, qualified } from '../sql.ts'
import { beforeReveal, comparisonsOf } from './comparisons.ts'
import { setAll } from './as-caller.ts'
import type { RunContext } from './context.ts'
import { asFiller } from './fill.ts'
import { row } from './query.ts'
import { rowsInTheWay } from './rows-in-the-way.ts'

/** Refuses before the first change where rows have come to break checks that are to come back. */
export async function refuseBrokenChecks(context: RunContext, plan: RecordedPlan): Promise<void> {
  const broken = await brokenChecks(context, plan, false)
  if (broken.length > 0)
    throw rowsInTheWay(context, { detail: broken, hint: 'Change those rows. Nothing was restored.' })
}

/** The same of filled columns that are still hidden, and of foreign keys. Tells how long it took, in ms. */
export async function refuseBrokenDemands(context: RunContext, plan: RecordedPlan): Promise<number> {
  const started = performance.now()
  const broken = [...(await brokenChecks(context, plan, true)), ...(await brokenKeys(context, plan))]
  if (broken.length > 0) throw rowsInTheWay(context, { detail: broken })
  return performance.now() - started
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
    raise exception using message = ${literal(told('check', host, check).replace(/[.]$/, ''))}, errcode = 'check_violation';
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
      if (sql !== null && (await holds(context, sql))) broken.push(told('check', host, check))
    }
  return broken
}

async function brokenKeys(context: RunContext, plan: RecordedPlan): Promise<string[]> {
  const broken: string[] = []
  for (const host of plan.hosts)
    for (const key of host.demandedKeys ?? []) {
      const parent = referencedBeforeReveal(plan.moved, key)
      const referenced = `pg_catalog.to_regclass(${literal(qualified(parent))})`
      // PostgreSQL may look there when it validates, where the role may not
      const readable = `pg_catalog.has_table_privilege(${referenced}, 'SELECT') and not pg_catalog.row_security_active(${referenced})`
      if (!(await holds(context, readable))) continue
      const parentHost = plan.hosts.find((h) => qualified(h.table) === qualified(key.referenced))
      const comparisons = await comparisonsOf(
        ...([context.db, key, beforeReveal(host, host.table), beforeReveal(parentHost, parent)] as const),
      )
      if (await holds(context, keyBroken(plan, host, key, comparisons))) broken.push(told('foreign key', host, key))
    }
  return broken
}

const told = (kind: string, host: HostPlan, { name, columns }: { name: string; columns: readonly string[] }) =>
  `${kind} ${name} of ${shown(host.table)} (${columns.join(', ')}) does not hold: rows were changed or inserted meanwhile.`

async function holds(context: RunContext, sql: string): Promise<boolean> {
  let is = false
  await asFiller(context, async () => {
    is = (await row<{ is: boolean }>(context.db, `select ${sql} as is`)).is
  })
  return is
}
