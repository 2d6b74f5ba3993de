import type { RecordedPlan } from '../ledger/ledger.ts'
import { checkBroken, keyBroken, referencedBeforeReveal } from '../plan/host-demands.ts'
import { shown } from '../plan/model.ts'
import type { HostPlan } from '../plan/plan.ts'
import { literal, qualified } from '../sql.ts'
import { beforeReveal, comparisonsOf } from './comparisons.ts'
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

/** The same of filled columns that are still hidden, and of foreign keys. */
export async function refuseBrokenDemands(context: RunContext, plan: RecordedPlan): Promise<void> {
  const broken = [...(await brokenChecks(context, plan, true)), ...(await brokenKeys(context, plan))]
  if (broken.length > 0) throw rowsInTheWay(context, { detail: broken })
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
