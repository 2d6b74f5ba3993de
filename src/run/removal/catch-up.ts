import { catchUpStatement, catchUpTruncatedStatement, loggedBytes, type Change } from '../../plan/data/backup.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import type { HostPlan } from '../../plan/plan.ts'
import { shown } from '../../plan/model.ts'
import { sealAfter } from '../../plan/data/seal.ts'
import { whileThere } from '../../plan/tree.ts'
import { dollarQuote, literal, qualified } from '../../sql.ts'
import { NOT_YET } from '../../sql-states.ts'
import type { RunContext } from '../context.ts'
import { row } from '../query.ts'
import type { Tally } from '../tally.ts'

/** What is copied of logged rows at once. */
interface Few {
  readonly rows: number
  readonly bytes: number
}

/** While locks are held that others wait for. */
export const UNDER_LOCKS: Few = { rows: 500, bytes: 2 ** 20 }
/** Right before that, in the same transaction: what is undone where the locks are not to be had. */
export const AHEAD_OF_LOCKS: Few = { rows: 10_000, bytes: 32 * 2 ** 20 }
/** As many are logged again while few are copied. */
const VERY_FEW_ROWS = 50
/** Writers that never pause log so many again in each round: more rounds would not leave fewer. */
const MUCH_FEWER = 0.5

/** Copies the present rows of the keys that the watch has logged, until few are left; what that changes is summed up. */
export async function catchUp(context: RunContext, tallies: readonly Tally[]): Promise<void> {
  for (const tally of tallies)
    for (let before = Infinity; ;) {
      context.checkCancelled()
      tally.change(await row<Change>(context.db, catchUpTruncatedStatement(tally.host, tally.hash)))
      const caught = await row<Change & { logged: number }>(context.db, catchUpStatement(tally.host, tally.hash))
      tally.change(caught)
      if (caught.logged <= VERY_FEW_ROWS || caught.logged > before * MUCH_FEWER) break
      before = caught.logged
    }
}

/** In the cut-over: refuses to copy much; the run then catches up outside and tries again. */
export function demandFew(hosts: readonly HostPlan[], { rows, bytes }: Few): string[] {
  if (hosts.length === 0) return []
  const logged = (host: HostPlan) => `select from ${qualified(host.watch.log)}`
  const many = hosts.map(
    (host) => `exists (${logged(host)} l where l.unship_truncated)
    or (select pg_catalog.count(*) from (${logged(host)} limit ${String(rows + 1)}) l) > ${String(rows)}`,
  )
  return [
    notYetIf(many.join('\n    or ')),
    // planned only where something was logged
    ...hosts.flatMap((host) => {
      const large = loggedBytes(host, rows)
      return large === null ? [] : whileThere(logged(host), [notYetIf(`${large} > ${String(bytes)}`)])
    }),
  ]
}

const notYetIf = (condition: string): string =>
  `do $few$ begin
  if ${condition} then
    raise exception 'many rows changed since the last catch-up' using errcode = '${NOT_YET}';
  end if;
end $few$`

/** Leaves in the ledger which seals the backups have to have, for as long as nobody has closed the run. */
export const saveSeals = (runId: string, tallies: readonly Tally[]): string => {
  const seals = Object.fromEntries(tallies.map(({ host, seal }) => [shown(host.backup), seal]))
  return `update ${LEDGER_SCHEMA}.runs set checksums = ${literal(JSON.stringify(seals))}::jsonb where id = ${runId}`
}

/**
 * In the cut-over: what it copies last changes the saved seal too. From there on the columns are gone, and a backup that somebody
 * changes before the run is closed must not be taken for what was copied.
 */
export const catchUpSealed = (runId: string, tally: Tally): string[] => sealing(runId, tally, 'once')

/**
 * The same just before the strong locks: what the cut-over compares first takes long enough for eager writers to log more
 * than is copied under lock, every time.
 */
export const catchUpAhead = (runId: string, tally: Tally): string[] => sealing(runId, tally, 'until few are left')

function sealing(runId: string, { host, hash }: Tally, how: 'once' | 'until few are left'): string[] {
  const name = literal(shown(host.backup))
  const change = { rows: 'changed.rows', hashes: 'changed.hashes::pg_catalog.numeric' }
  const body = `
declare
  changed record;
  before bigint;
begin
  loop
    execute ${dollarQuote(catchUpStatement(host, hash), 'sql')} into changed;
    update ${LEDGER_SCHEMA}.runs r
    set checksums = r.checksums || pg_catalog.jsonb_build_object(${name}, ${sealAfter(`r.checksums ->> ${name}`, change)})
    where r.id = ${runId};
    exit when ${how === 'once'} or changed.logged <= ${String(VERY_FEW_ROWS)} or changed.logged > before * ${String(MUCH_FEWER)};
    before := changed.logged;
  end loop;
end`
  return whileThere(`select from ${qualified(host.watch.log)}`, [`do ${dollarQuote(body, 'sealed')}`])
}
