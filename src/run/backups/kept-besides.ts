import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import type { KeptName } from '../../catalog/snapshot.ts'
import { LEDGER_SCHEMA } from '../../ledger/schema.ts'
import { parseName, parseSignature } from '../../names.ts'
import { literal, qualified } from '../../sql.ts'
import type { ClaimedTable } from './claimed.ts'

/** An object that was renamed with the tables: a type, sequence or function. */
export interface MovedBesides {
  readonly kind: string
  /** As a statement names it, quoted, with a function's arguments. */
  readonly name: string
  /** Its own name before. */
  readonly was: string
}

/** Types, sequences and functions that were renamed with the tables of some removals; their restore begins with renaming them back. */
export async function movedBesides(db: AnyKysely, removalIds: readonly string[]): Promise<(MovedBesides & Run)[]> {
  if (removalIds.length === 0) return []
  const objects = await readJson<Run & { restore_sql: string }>(
    db,
    `select o.run_id::text as run, o.restore_sql from ${LEDGER_SCHEMA}.objects o
     where o.run_id in (${removalIds.join(', ')}) and o.handling = 'moved' and o.restore_sql is not null
     order by o.run_id, o.position`,
  )
  return objects.flatMap(({ run, restore_sql }) => {
    const [, kind, name, was] =
      /^alter (type|domain|sequence|function|procedure|aggregate) (.+) rename to "(.*)"(?:;|$)/m.exec(restore_sql) ?? []
    return kind !== undefined && name !== undefined ? [{ run, kind, name, was: (was ?? '').replaceAll('""', '"') }] : []
  })
}

interface Run {
  readonly run: string
}

/** The names that backups have: those of the tables, and of all that hangs on them or was renamed with them. */
export async function readKeptNames(db: AnyKysely, claimed: readonly ClaimedTable[]): Promise<KeptName[]> {
  if (claimed.length === 0) return []
  const features = new Map(claimed.map(({ run, feature }) => [run, feature]))
  const hanging = await readJson<KeptName>(
    db,
    `with kept as (
       select x.*, pg_catalog.to_regclass(x.table)::pg_catalog.oid as oid
       from (values ${claimed.map(valuesOf).join(', ')}) x("table", feature, partition))
     select n.nspname as schema, o.name, o.catalog, k.feature, o.is_table and not k.partition as backup
     from kept k
     cross join lateral (
       select c.relnamespace as nsp, c.relname as name, 'pg_class' as catalog, true as is_table from pg_catalog.pg_class c where c.oid = k.oid
       union all
       select t.typnamespace, t.typname, 'pg_type', true from pg_catalog.pg_type t where t.typrelid = k.oid
       union all
       select c.relnamespace, c.relname, 'pg_class', false
       from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid where i.indrelid = k.oid
       union all
       select c.relnamespace, c.relname, 'pg_class', false
       from pg_catalog.pg_depend d join pg_catalog.pg_class c on c.oid = d.objid and c.relkind = 'S'
       where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refclassid = d.classid and d.refobjid = k.oid
         and d.deptype in ('a', 'i')
       union all
       select s.stxnamespace, s.stxname, 'pg_statistic_ext', false from pg_catalog.pg_statistic_ext s where s.stxrelid = k.oid
     ) o
     join pg_catalog.pg_namespace n on n.oid = o.nsp`,
  )
  const besides = (await movedBesides(db, [...features.keys()])).flatMap(({ run, kind, name }) =>
    (CATALOGS[kind] ?? ['pg_proc']).map((catalog) => ({
      ...parseName(parseSignature(name).name, 'public'),
      ...{ catalog, feature: features.get(run) ?? '', backup: false },
    })),
  )
  return [...hanging, ...besides]
}

const valuesOf = (table: ClaimedTable) =>
  `(${literal(qualified(table))}, ${literal(table.feature)}, ${String(table.partition)})`

/** A composite type is a relation too. */
const CATALOGS: Readonly<Record<string, readonly string[]>> = {
  type: ['pg_type', 'pg_class'],
  domain: ['pg_type'],
  sequence: ['pg_class'],
}
