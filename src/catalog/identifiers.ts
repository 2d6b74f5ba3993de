import type { AnyKysely } from '../any-kysely.ts'
import { LEDGER_SCHEMA } from '../ledger/schema.ts'
import { id } from '../sql.ts'
import type { Node } from './dependency.ts'
import { oidArray, type Oid } from './fragments.ts'
import { readJson } from './read.ts'

/** Types whose values are identifiers of catalog rows, which PostgreSQL shows as names, and the catalogs. */
const NAMING = { regclass: 'pg_class', regproc: 'pg_proc', regprocedure: 'pg_proc', regtype: 'pg_type' } as const

interface IdentifierColumn {
  readonly relid: Oid
  readonly attnum: number
  readonly nspname: string
  readonly relname: string
  readonly attname: string
  readonly type: keyof typeof NAMING
  /** Its values are arrays of them. */
  readonly list: boolean
  readonly readable: boolean
  readonly large: boolean
}

/** A column of a table whose values name objects that something is about to become of. */
export interface Naming {
  readonly relid: Oid
  readonly attnum: number
  readonly schema: string
  readonly table: string
  readonly column: string
  readonly catalog: string
  /** The objects that it names; null where that was not looked at. */
  readonly named: readonly Oid[] | null
}

/** Blocks that are read to see what a column of a table that stays names: 64 MB. */
const MOST_BLOCKS = 8192

/** Columns of these types, of domains over them, and of arrays of either. */
const columnsQuery = `
  with recursive naming(oid, type, list) as (
    select t.oid, t.typname, false from pg_catalog.pg_type t
    where t.oid in (${Object.keys(NAMING)
      .map((type) => `'pg_catalog.${type}'::pg_catalog.regtype`)
      .join(', ')})
    union all
    select t.oid, n.type, n.list or t.typbasetype = 0 from naming n join pg_catalog.pg_type t
      on t.typbasetype = n.oid or t.typcategory = 'A' and t.typelem = n.oid)
  select c.oid as relid, a.attnum, n.nspname, c.relname, a.attname, t.type, t.list, c.relpages >= ${String(MOST_BLOCKS)} as large,
    pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
      and pg_catalog.has_schema_privilege(n.oid, 'USAGE') and not pg_catalog.row_security_active(c.oid) as readable
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind = 'r' and c.relpersistence <> 't'
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join naming t on t.oid = a.atttypid
  where a.attnum > 0 and not a.attisdropped
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${LEDGER_SCHEMA}')
  order by n.nspname, c.relname, a.attnum`

/**
 * What columns of tables name of some objects: nothing ties such a value to what it names. Few databases have such columns. Those
 * that are to go are read whatever their size, as they will be anyway.
 */
export async function readNamings(db: AnyKysely, nodes: readonly Node[]): Promise<Naming[]> {
  if (nodes.length === 0) return []
  const goes = ({ relid, attnum }: IdentifierColumn) =>
    nodes.some((n) => n.catalog === 'pg_class' && n.objid === relid && (n.objsubid === 0 || n.objsubid === attnum))
  const namings: Naming[] = []
  for (const column of await readJson<IdentifierColumn>(db, columnsQuery)) {
    const { relid, attnum, nspname, relname, attname, type, list, readable, large } = column
    const oids = nodes.filter((node) => node.catalog === NAMING[type]).map((node) => node.objid)
    if (oids.length === 0) continue
    const value = `t.${id(attname)}::pg_catalog.oid${list ? '[]' : ''}`
    const found =
      readable && (!large || goes(column))
        ? await readJson<{ oid: Oid }>(
            db,
            `select distinct v.oid from only ${id(nspname, relname)} t
             cross join lateral ${list ? `pg_catalog.unnest(${value})` : `(values (${value}))`} v(oid)
             where v.oid = any (${oidArray(oids)})`,
          )
        : null
    const named = found?.map(({ oid }) => oid) ?? null
    namings.push({ relid, attnum, schema: nspname, table: relname, column: attname, catalog: NAMING[type], named })
  }
  return namings
}
