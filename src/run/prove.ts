import { NOTHING_CHANGED, UnshipError } from '../errors.ts'
import type { RemovalPlan } from '../plan/plan.ts'
import type { Probe } from '../plan/refusals/probes.ts'
import { dollarQuote, literal } from '../sql.ts'
import { TRIED } from '../sql-states.ts'
import { setAll } from './as-caller.ts'
import { row, run } from './query.ts'
import type { Session } from './session.ts'

const negative = (n: number) =>
  `if not answer then answers := answers || pg_catalog.jsonb_build_object('n', ${String(n)}); end if;`

/** Under which they hide rows. */
const POLICIES = { row_security: 'on' }

/** Nothing can be tried by a role that may not make temporary tables, nor where nothing may be written. */
const triedOr = (n: number) => ` when sqlstate '${TRIED}' then
    ${negative(n)}
    if difference is not null then answers := answers || pg_catalog.jsonb_build_object('n', ${String(n)}, 'difference', difference); end if;
  when insufficient_privilege or read_only_sql_transaction then
    null;
 `

/** Asks the server what the catalog could not tell: a removal that could not be restored exactly is refused. */
export async function proveRestorable(session: Session, { feature, probes }: RemovalPlan): Promise<void> {
  const reasons = await disproved(session, probes)
  if (reasons.length === 0) return
  throw new UnshipError({
    code: 'not_restorable',
    message: `feature ${feature} cannot be restored exactly, so it is not removed`,
    detail: reasons.map((r) => `${r}.`).join('\n'),
    hint: NOTHING_CHANGED,
  })
}

/** The reasons of those probes that do not hold, in one round trip; an error of the probe is an answer too. */
export async function disproved({ db, callers, settings }: Session, probes: readonly Probe[]): Promise<string[]> {
  if (probes.length === 0) return []
  const body = `
declare
  answer boolean;
  difference text;
  answers jsonb := '[]';
  callers_timeout text := pg_catalog.current_setting('lock_timeout');
begin
  perform pg_catalog.set_config('lock_timeout', '100', true);
${probes
  .map(
    ({ sql, trial = [], otherwise, lenient, asCaller, rowSecurity }, n) => `  begin
    answer := null;
    difference := null;
    ${asCaller ? `perform ${setAll(callers, callers)};` : ''}
    ${rowSecurity ? `perform ${setAll(POLICIES, POLICIES)};` : ''}
    ${trial.map((statement) => `execute ${dollarQuote(statement, 'trial')};\n    `).join('')}execute ${dollarQuote(`select ${sql}`, 'probe')} into answer;
    ${otherwise ? `if answer then execute ${dollarQuote(`select ${otherwise.sql}`, 'probe')} into difference; end if;` : ''}
    ${asCaller ? `perform ${setAll(callers, settings)};` : ''}
    ${rowSecurity ? `perform ${setAll(POLICIES, settings)};` : ''}
    ${trial.length > 0 ? `raise sqlstate '${TRIED}';` : negative(n)}
  exception${trial.length > 0 ? triedOr(n) : ''} when lock_not_available then
    null; -- someone has the table: the removal will say who, should they keep it
  when others then
    ${lenient ? 'null' : `answers := answers || pg_catalog.jsonb_build_object('n', ${String(n)}, 'error', sqlerrm)`};
  end;`,
  )
  .join('\n')}
  perform pg_catalog.set_config('lock_timeout', callers_timeout, true);
  perform pg_catalog.set_config('unship.report', answers::text, false);
end`
  await run(db, `do ${dollarQuote(body)}`)
  const { found } = await row<{ found: string }>(
    db,
    `select pg_catalog.current_setting(${literal('unship.report')}) as found`,
  )
  const answers = JSON.parse(found) as { n: number; error?: string; difference?: string }[]
  return answers.map(({ n, error, difference }) =>
    difference === undefined
      ? `${probes[n]?.reason ?? ''}${error === undefined ? '' : `: ${error}`}`
      : `${probes[n]?.otherwise?.reason ?? ''} ${difference}`,
  )
}
