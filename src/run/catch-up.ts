import { catchUpStatement, catchUpTruncatedStatement, type Change } from '../plan/backup.ts'
import type { HostPlan } from '../plan/plan.ts'
import { qualified } from '../sql.ts'
import { NOT_YET } from '../sql-states.ts'
import type { RunContext } from './context.ts'
import { row } from './query.ts'
import type { Tally } from './tally.ts'

/** At the cut-over no more logged rows than this are copied while locks are held. */
const FEW_ROWS = 500

/** Copies the present rows of the keys that the watch has logged, until few are left; what that changes is summed up. */
export async function catchUp(context: RunContext, tallies: readonly Tally[]): Promise<void> {
  for (const tally of tallies)
    for (let round = 0; round < 50; round++) {
      context.checkCancelled()
      tally.change(await row<Change>(context.db, catchUpTruncatedStatement(tally.host, tally.hash)))
      const caught = await row<Change & { logged: number }>(context.db, catchUpStatement(tally.host, tally.hash))
      tally.change(caught)
      if (caught.logged <= FEW_ROWS / 10) break
    }
}

/** In the cut-over: refuses to copy much under lock; the run then catches up outside and tries again. */
export function demandFewRows(hosts: readonly HostPlan[]): string[] {
  if (hosts.length === 0) return []
  const many = hosts.map(({ watch }) => {
    const log = qualified(watch.log)
    return `(select pg_catalog.count(*) from (select from ${log} limit ${String(FEW_ROWS + 1)}) l) > ${String(FEW_ROWS)}
    or exists (select from ${log} l where l.unship_truncated)`
  })
  return [
    `do $few$ begin
  if ${many.join('\n    or ')} then
    raise exception 'many rows changed since the last catch-up' using errcode = '${NOT_YET}';
  end if;
end $few$`,
  ]
}
