import { sql } from 'kysely'
import type { AnyKysely } from '../any-kysely.ts'
import { LEDGER_SCHEMA } from './schema.ts'

/**
 * Takes the numbers of runs and events that the ledger has already, where its sequences are behind: after a migration by logical
 * replication, which takes no sequences along, or a restart. The latest run and event are those with the highest number.
 *
 * Sequences are never set, for somebody else may take numbers meanwhile. A role that may use the tables, but not their sequences, has no
 * way to tell.
 */
export async function passTakenNumbers(db: AnyKysely): Promise<void> {
  const taken = (table: string) =>
    `(pg_catalog.pg_get_serial_sequence('${LEDGER_SCHEMA}.${table}', 'id')::pg_catalog.regclass, (select pg_catalog.max(t.id) from ${LEDGER_SCHEMA}.${table} t))`
  await sql
    .raw(
      `select pg_catalog.count(pg_catalog.nextval(b.seqrelid)) from (
         select s.seqrelid, t.last - coalesce(pg_catalog.pg_sequence_last_value(s.seqrelid), s.seqstart - 1) as behind
         from (values ${taken('runs')}, ${taken('events')}) t(seq, last) join pg_catalog.pg_sequence s on s.seqrelid = t.seq
         where pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE') and pg_catalog.current_setting('transaction_read_only') = 'off'
       ) b cross join lateral pg_catalog.generate_series(1, b.behind)`,
    )
    .execute(db)
}
