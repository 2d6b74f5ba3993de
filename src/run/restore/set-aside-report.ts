import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import type { RunContext } from '../context.ts'
import type { SetAside } from '../report.ts'

/** What a restore has set aside, before it broke off too. */
export const readSetAside = ({ db }: RunContext, runId: string): Promise<SetAside[]> =>
  readJson(db, setAsideQuery(`e.run_id = ${runId}`))

/** What all restores of a removal have: those that were taken back have left it where it is. */
export const readAllSetAside = ({ db }: RunContext, removalId: string): Promise<SetAside[]> =>
  readJson(
    db,
    setAsideQuery(`e.run_id in (select r.id from ${LEDGER_SCHEMA}.runs r where r.removal_id = ${removalId})`),
  )

/** What every restore has, with its run. */
export const readSetAsideByRun = (db: AnyKysely): Promise<(SetAside & { readonly run: string })[]> =>
  readJson(db, setAsideQuery('true', 'e.run_id::text as run, '))

const setAsideQuery = (which: string, run = '') =>
  `select ${run}e.detail ->> 'table' as table, pg_catalog.sum((e.detail ->> 'rows')::pg_catalog.int8)::pg_catalog.int8 as rows,
     e.detail ->> 'reason' as reason, e.detail ->> 'kept' as kept
   from ${LEDGER_SCHEMA}.events e
   where ${which} and e.event = 'set aside' and (e.detail ->> 'rows')::pg_catalog.int8 > 0
   group by e.run_id, e.detail ->> 'table', e.detail ->> 'reason', e.detail ->> 'kept' order by pg_catalog.min(e.id)`

/** As lines of a DETAIL: rows that stayed may refer to some of it. */
export async function whatIsAside(context: RunContext, runId: string): Promise<string[]> {
  const kept = new Map((await readSetAside(context, runId)).map((s) => [s.kept, s.table]))
  return [...kept].map(([name, table]) => `Rows of ${table} were set aside, and are kept in ${name}.`)
}
