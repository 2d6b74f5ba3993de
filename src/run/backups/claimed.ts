import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import { PURGED, readKeeping } from '../../ledger/history.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { ODD_LEDGER, oddLedger } from '../../ledger/trusted.ts'
import type { QualifiedName } from '../../sql.ts'
import { sayingWhatLedger } from '../ledger-errors.ts'

/** A table that a removal in effect, or a restore of it that has not ended, keeps its backup in. */
export interface ClaimedTable extends QualifiedName {
  /** The removal. */
  readonly run: string
  readonly feature: string
  /** A partition leaves and comes back with its table; no archive renames it. */
  readonly partition: boolean
}

/** All of them, of any feature, under the names that they bear now; none where the ledger may not be read. */
export async function readClaimed(db: AnyKysely): Promise<ClaimedTable[]> {
  if (!(await isLedgerReadable(db))) return []
  return await sayingWhatLedger(async () => {
    const claimed = await readJson<ClaimedTable>(db, CLAIMED)
    const { archives } = claimed.length === 0 ? { archives: null } : await readKeeping(db)
    return claimed.map((table) => {
      const archived = archives
        ?.get(table.run)
        ?.tables.find(({ backup }) => backup.schema === table.schema && backup.name === table.name)
      return archived ? { ...table, ...archived.archive } : table
    })
  })
}

/** The role may read what tells of runs and what they keep; false where there is no ledger. */
export async function isLedgerReadable(db: AnyKysely): Promise<boolean> {
  const [ledger] = await readJson<{ readable: boolean; odd: boolean }>(
    db,
    `select pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, 'SELECT')) as readable, ${ODD_LEDGER} as odd
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = '${LEDGER_SCHEMA}' and c.relname in ('runs', 'objects', 'events') and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
     having pg_catalog.bool_or(c.relname = 'runs')`,
  )
  if (ledger?.odd) throw oddLedger()
  return ledger?.readable ?? false
}

const CLAIMED = `
  select m.id::text as run, r.feature, b.value->'backup'->>'schema' as schema, b.value->'backup'->>'name' as name,
    b.value ? 'partitionOf' as partition
  from (
    select distinct on (r.feature, r.plan->>'schema') r.* from ${LEDGER_SCHEMA}.runs r
    where r.state in ('running', 'done') order by r.feature, r.plan->>'schema', r.id desc
  ) r
  join ${LEDGER_SCHEMA}.runs m on m.id = coalesce(r.removal_id, r.id)
  cross join lateral pg_catalog.jsonb_array_elements(m.plan->'hosts' || (m.plan->'moved')) b
  where not (r.direction = 'restore' and r.state = 'done')
    and not exists (select from ${LEDGER_SCHEMA}.events e where e.run_id = m.id and e.event = '${PURGED}')
  order by m.id`
