import { sourceStatement, type Source } from '../../plan/data/backup.ts'
import type { HostPlan } from '../../plan/plan.ts'
import type { RunContext } from '../context.ts'
import { row } from '../query.ts'

export type Sources = ReadonlyMap<HostPlan, Source>

/** What the host tables' columns and watches are now: a change of them is not logged, and must stop a removal. */
export async function readSources({ db }: RunContext, hosts: readonly HostPlan[]): Promise<Sources> {
  const sources = new Map<HostPlan, Source>()
  for (const host of hosts) sources.set(host, await row<Source>(db, sourceStatement(host)))
  return sources
}
