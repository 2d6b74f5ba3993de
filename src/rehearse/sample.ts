import type { ClientBase } from 'pg'
import { id } from '../sql.ts'
import type { RowCounts } from './rows.ts'

interface SourceTable {
  readonly oid: string
  readonly name: string
  /** Those that can be written. */
  readonly columns: readonly string[]
}

interface Reference {
  readonly conrelid: string
  /** On rows `c` that refer and `p` that are referred to. */
  readonly condition: string
  readonly parent: string
}

/**
 * Copies rows of each table from one database to another of the same schema, and with them all that they
 * refer to. Reads in one snapshot, and writes nothing in the source.
 */
export async function sampleRows(source: ClientBase, target: ClientBase, rowsPerTable: number): Promise<RowCounts> {
  await source.query('begin transaction isolation level repeatable read read only')
  try {
    const { rows: tables } = await source.query<SourceTable>(TABLES)
    const { rows: references } = await source.query<Reference>(REFERENCES)
    const chosen = new Map<string, Set<string>>()
    for (const { oid, name } of tables) {
      const { rows } = await source.query<{ ctid: string }>(
        `select ctid::text as ctid from only ${name} limit ${String(rowsPerTable)}`,
      )
      chosen.set(oid, new Set(rows.map((r) => r.ctid)))
    }
    await addReferenced(source, tables, references, chosen)
    return await copy(source, target, tables, chosen)
  } finally {
    await source.query('rollback')
  }
}

/** Adds the rows that chosen rows refer to, until all are there. */
async function addReferenced(
  source: ClientBase,
  tables: readonly SourceTable[],
  references: readonly Reference[],
  chosen: ReadonlyMap<string, Set<string>>,
): Promise<void> {
  const names = new Map(tables.map((t) => [t.oid, t.name]))
  let fresh = new Map([...chosen].map(([oid, rows]) => [oid, [...rows]]))
  while ([...fresh.values()].some((rows) => rows.length > 0)) {
    const next = new Map<string, string[]>()
    for (const { conrelid, condition, parent } of references) {
      const rows = fresh.get(conrelid) ?? []
      if (rows.length === 0) continue
      const { rows: found } = await source.query<{ oid: string; ctid: string }>(
        `select distinct p.tableoid::text as oid, p.ctid::text as ctid
         from only ${names.get(conrelid) ?? ''} c join ${parent} p on ${condition} where c.ctid = any ($1::tid[])`,
        [rows],
      )
      for (const { oid, ctid } of found) {
        const known = chosen.get(oid)
        if (!known || known.has(ctid)) continue
        known.add(ctid)
        next.set(oid, [...(next.get(oid) ?? []), ctid])
      }
    }
    fresh = next
  }
}

async function copy(
  source: ClientBase,
  target: ClientBase,
  tables: readonly SourceTable[],
  chosen: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<RowCounts> {
  const copied: Record<string, number> = {}
  await target.query('set session_replication_role = replica')
  for (const { oid, name, columns } of tables) {
    const rows = [...(chosen.get(oid) ?? [])]
    copied[name] = rows.length
    if (rows.length === 0) continue
    const { rows: texts } = await source.query<{ row: string }>(
      `select t::text as row from only ${name} t where ctid = any ($1::tid[])`,
      [rows],
    )
    const list = columns.map((c) => id(c)).join(', ')
    const values = columns.map((c) => `(r.t).${id(c)}`).join(', ')
    if (list === '') continue
    await target.query(
      `insert into ${name} (${list}) overriding system value
       select ${values} from (select x::${name} as t from unnest($1::text[]) x) r`,
      [texts.map((t) => t.row)],
    )
  }
  await target.query('reset session_replication_role')
  return copied
}

const USERS = `n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship')`

const TABLES = `
  select c.oid::text as oid, format('%I.%I', n.nspname, c.relname) as name,
    coalesce((select json_agg(a.attname order by a.attnum) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '[]') as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and c.relpersistence <> 't' and c.relname !~ '^kysely_migration' and ${USERS}
  order by c.oid`

const REFERENCES = `
  select k.conrelid::text as conrelid, format('%I.%I', rn.nspname, r.relname) as parent,
    (select string_agg(format('c.%I = p.%I', ca.attname, pa.attname), ' and ')
     from unnest(k.conkey, k.confkey) u(child, parent)
     join pg_attribute ca on ca.attrelid = k.conrelid and ca.attnum = u.child
     join pg_attribute pa on pa.attrelid = k.confrelid and pa.attnum = u.parent) as condition
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid and c.relkind = 'r'
  join pg_namespace n on n.oid = c.relnamespace
  join pg_class r on r.oid = k.confrelid
  join pg_namespace rn on rn.oid = r.relnamespace
  where k.contype = 'f' and ${USERS}`
