import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { literal } from '../../sql.ts'
import { NOT_SERVED } from '../../sql-states.ts'

/*
 * A restore's triggers name columns, the backup, and what a declaration's expressions call. Whoever renames or drops one of them must not
 * make the application's writes fail: the row is written as it is, and the run can only begin anew.
 */

/** The event that tells of such rows. */
const UNSERVED = 'row not served'

const RUNNING = (feature: string) =>
  `r.feature = ${literal(feature)} and r.direction = 'restore' and r.state = 'running'`

/**
 * PL/pgSQL: statements that give NEW what it has to have, and where they fail a mark in the ledger. They only read: what is written in a
 * block with a handler takes a transaction identifier for each row. Without a run, as by hand, nobody would look for the mark.
 */
export const serving = (feature: string, statements: string): string => `
  begin
${statements}
  exception when others then
    if not exists (select from ${LEDGER_SCHEMA}.events e join ${LEDGER_SCHEMA}.runs r on r.id = e.run_id
      where ${RUNNING(feature)} and e.event = ${literal(UNSERVED)}) then
      insert into ${LEDGER_SCHEMA}.events (run_id, event) select r.id, ${literal(UNSERVED)} from ${LEDGER_SCHEMA}.runs r where ${RUNNING(feature)};
      if not found then
        raise;
      end if;
    end if;
  end;
  return new;`

/** Fails where there are rows that a run could not serve. */
export const demandAllServed = (runId: string): string => `do $served$ begin
  if exists (select from ${LEDGER_SCHEMA}.events e where e.run_id = ${runId} and e.event = ${literal(UNSERVED)}) then
    raise exception 'rows were not served' using errcode = '${NOT_SERVED}';
  end if;
end $served$`
