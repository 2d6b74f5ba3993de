import { readJson } from '../catalog/read.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import type { RunContext } from './context.ts'
import type { SetAside } from './report.ts'

/** What a restore has set aside, before it broke off too. */
export const readSetAside = (context: RunContext, runId: string): Promise<SetAside[]> =>
  setAsideBy(context, `= ${runId}`)

/** What all restores of a removal have: those that were taken back have left it where it is. */
export const readAllSetAside = (context: RunContext, removalId: string): Promise<SetAside[]> =>
  setAsideBy(context, `in (select r.id from ${LEDGER_SCHEMA}.runs r where r.removal_id = ${removalId})`)

async function setAsideBy({ db }: RunContext, runs: string): Promise<SetAside[]> {
  return await readJson<SetAside>(
    db,
    `select e.detail ->> 'table' as table, pg_catalog.sum((e.detail ->> 'rows')::pg_catalog.int8)::pg_catalog.int8 as rows,
       e.detail ->> 'reason' as reason, e.detail ->> 'kept' as kept
     from ${LEDGER_SCHEMA}.events e
     where e.run_id ${runs} and e.event = 'set aside' and (e.detail ->> 'rows')::pg_catalog.int8 > 0
     group by 1, 3, 4 order by pg_catalog.min(e.id)`,
  )
}
