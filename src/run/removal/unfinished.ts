import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import type { UnfinishedRun } from '../../catalog/snapshot.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { isLedgerReadable } from '../backups/claimed.ts'
import { sayingWhatLedger } from '../ledger-errors.ts'

/** The host tables, with their partitions, of all runs that have not ended; none where the ledger may not be read. */
export async function readUnfinished(db: AnyKysely): Promise<UnfinishedRun[]> {
  if (!(await isLedgerReadable(db))) return []
  return await sayingWhatLedger(() => readJson<UnfinishedRun>(db, UNFINISHED))
}

const UNFINISHED = `
  select r.id::text as run, r.feature, r.direction, t.value ->> 'schema' as schema, t.value ->> 'name' as name,
    h.value -> 'key' || pg_catalog.jsonb_path_query_array(h.value, '$.columns[*].name') as columns,
    exists (
      select from pg_catalog.pg_trigger g join pg_catalog.pg_proc p on p.oid = g.tgfoid
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      where g.tgrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', t.value ->> 'schema', t.value ->> 'name'))
        and n.nspname = '${LEDGER_SCHEMA}' and p.proname = h.value -> 'watch' -> 'routine' ->> 'name'
    ) as watched
  from ${LEDGER_SCHEMA}.runs r cross join lateral pg_catalog.jsonb_array_elements(r.plan -> 'hosts') h
  cross join lateral pg_catalog.jsonb_array_elements(
    pg_catalog.jsonb_build_array(h.value -> 'table') || coalesce(h.value -> 'members', '[]')) t
  where r.state = 'running' order by r.id`
