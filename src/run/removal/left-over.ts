import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { latestRun } from '../../ledger/ledger.ts'
import { isLedgerReadable } from '../backups/claimed.ts'
import { madeBackup } from './copy.ts'
import { planOf } from '../backups/removal-state.ts'

type Names = readonly { readonly catalog: string; readonly schema: string; readonly name: string }[]

/** What a removal that has not cut over has made so far; it is taken away again before the removal begins anew. */
export interface LeftOver {
  readonly run: string | null
  /** Its backups, and what hangs on them. */
  readonly names: Names
}

/** Of the feature's own removal; nothing where none is unfinished, or the ledger may not be read. */
export async function readLeftOver(db: AnyKysely, feature: string): Promise<LeftOver> {
  const latest = (await isLedgerReadable(db)) ? await latestRun(db, feature) : null
  if (latest?.state !== 'running' || latest.direction !== 'removal' || latest.phase === 'record')
    return { run: null, names: [] }
  const made = planOf(latest).hosts.map((host) => `select c.oid ${madeBackup(host, latest.id)}`)
  if (made.length === 0) return { run: latest.id, names: [] }
  const names = await readJson<Names[number]>(
    db,
    `with made as (${made.join(' union all ')})
     select n.nspname as schema, o.name, o.catalog from made m
     cross join lateral (
       select c.relnamespace as nsp, c.relname as name, 'pg_class' as catalog from pg_catalog.pg_class c
       where c.oid = m.oid or c.oid in (select i.indexrelid from pg_catalog.pg_index i where i.indrelid = m.oid)
       union all
       select t.typnamespace, t.typname, 'pg_type' from pg_catalog.pg_type t
       where t.typrelid = m.oid or t.oid = (select r.typarray from pg_catalog.pg_type r where r.typrelid = m.oid)
     ) o
     join pg_catalog.pg_namespace n on n.oid = o.nsp`,
  )
  return { run: latest.id, names }
}

/** The names that will be in use when it has been taken away. */
export const takenBesides = (taken: Snapshot['taken'], { names }: LeftOver): Snapshot['taken'] =>
  taken.filter(
    (t) => !names.some(({ catalog, schema, name }) => t.catalog === catalog && t.nspname === schema && t.name === name),
  )
