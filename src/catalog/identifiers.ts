import type { AnyKysely } from '../any-kysely.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { id } from '../sql.ts'
import type { Node } from './dependency.ts'
import { oidArray, type Oid } from './fragments.ts'
import { readJson } from './read.ts'

/** Types whose values are identifiers of catalog rows, which PostgreSQL shows as names, and the catalogs. */
const NAMING = { regclass: 'pg_class', regproc: 'pg_proc', regprocedure: 'pg_proc', regtype: 'pg_type' } as const

interface IdentifierColumn {
  readonly nspname: string
  readonly relname: string
  readonly attname: string
  readonly type: keyof typeof NAMING
  readonly readable: boolean
}

/** A column of a table whose values name objects that something is about to become of. */
export interface Naming {
  readonly schema: string
  readonly table: string
  readonly column: string
  readonly catalog: string
  /** The objects that it names; null where that was not looked at. */
  readonly named: readonly Oid[] | null
}

/** Blocks that are read to see what a column names: 64 MB. */
const MOST_BLOCKS = 8192

const columnsQuery = `
  select n.nspname, c.relname, a.attname, t.typname as type,
    c.relpages < ${String(MOST_BLOCKS)} and pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
      and pg_catalog.has_schema_privilege(n.oid, 'USAGE') and not pg_catalog.row_security_active(c.oid) as readable
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind = 'r' and c.relpersistence <> 't'
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_type t on t.oid = a.atttypid
  where a.atttypid in (${Object.keys(NAMING)
    .map((type) => `'pg_catalog.${type}'::pg_catalog.regtype`)
    .join(', ')}) and a.attnum > 0 and not a.attisdropped
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${LEDGER_SCHEMA}')
  order by n.nspname, c.relname, a.attnum`

/** What columns of tables name of some objects: nothing ties such a value to what it names. Few databases have such columns. */
export async function readNamings(db: AnyKysely, nodes: readonly Node[]): Promise<Naming[]> {
  if (nodes.length === 0) return []
  const namings: Naming[] = []
  for (const { nspname, relname, attname, type, readable } of await readJson<IdentifierColumn>(db, columnsQuery)) {
    const oids = nodes.filter((node) => node.catalog === NAMING[type]).map((node) => node.objid)
    const value = `t.${id(attname)}::pg_catalog.oid`
    const found = readable
      ? await readJson<{ oid: Oid }>(
          db,
          `select distinct ${value} as oid from only ${id(nspname, relname)} t where ${value} = any (${oidArray(oids)})`,
        )
      : null
    const named = found?.map(({ oid }) => oid) ?? null
    if (oids.length > 0)
      namings.push({ schema: nspname, table: relname, column: attname, catalog: NAMING[type], named })
  }
  return namings
}
