import type { Phase } from '../plan/plan.ts'
import { literal } from '../sql.ts'
import { LEDGER_SCHEMA } from './schema.ts'
import type { RunState, LedgerRun } from './recorded.ts'

const runs = `${LEDGER_SCHEMA}.runs`

/*
 * Ledger changes that belong into a short transaction are texts; the others use them too.
 */

export const setPhase = (runId: string, phase: Phase): string =>
  `update ${runs} set phase = ${literal(phase)} where id = ${runId}`

/** What a removal counted: the preflight counts, and all rows of each host table. */
export const saveCounts = (
  runId: string,
  { counts, hostRows }: Pick<LedgerRun, 'counts'> & { readonly hostRows: Readonly<Record<string, number>> },
): string =>
  `update ${runs} set counts = ${literal(JSON.stringify(counts))}::jsonb, plan = plan || ${literal(JSON.stringify({ hostRows }))}::jsonb where id = ${runId}`

/** Where the sequences of the host tables' keys stand, for a restore to compare. */
export const saveKeySequences = (runId: string, expression: string): string =>
  `update ${runs} set plan = plan || pg_catalog.jsonb_build_object('keySequences', ${expression}) where id = ${runId}`

export const captureStatement = (runId: string, position: number, expression: string): string =>
  `update ${LEDGER_SCHEMA}.statements set sql = ${expression} where run_id = ${runId} and position = ${String(position)}`

export const markDone = (runId: string, position: number): string =>
  `update ${LEDGER_SCHEMA}.statements set done_at = pg_catalog.clock_timestamp() where run_id = ${runId} and position = ${String(position)}`

/** Of all its statements, or of those from a position on. */
export const unmarkDone = (runId: string, from = 0): string =>
  `update ${LEDGER_SCHEMA}.statements set done_at = null where run_id = ${runId} and position >= ${String(from)}`

export const finishRun = (
  runId: string,
  state: RunState,
  fields: { checksums?: unknown; report?: unknown; error?: string } = {},
): string =>
  `update ${runs} set state = ${literal(state)}, finished_at = pg_catalog.clock_timestamp()${
    fields.checksums === undefined ? '' : `, checksums = ${literal(JSON.stringify(fields.checksums))}::jsonb`
  }${fields.report === undefined ? '' : `, report = ${literal(JSON.stringify(fields.report))}::jsonb`}${
    fields.error === undefined ? '' : `, error = ${literal(fields.error)}`
  } where id = ${runId}`

export const recordEvent = (runId: string, event: string, detail: unknown = {}, more = ''): string =>
  `insert into ${LEDGER_SCHEMA}.events (run_id, event, detail) values (${runId}, ${literal(event)}, ${literal(JSON.stringify(detail))}::jsonb${more && ` || ${more}`})`
