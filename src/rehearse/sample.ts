import type { ClientBase } from 'pg'
import { copyRows, TABLES, type Sample, type SampledTable } from './copy-rows.ts'

interface Reference {
  readonly conrelid: string
  /** On rows `c` that refer and `p` that are referred to. */
  readonly condition: string
  readonly parent: string
}

/**
 * Copies rows of each table from one database to another of the same schema, or part of it, and with them all that
 * they refer to. Reads in one snapshot, and writes nothing in the source.
 */
export async function sampleRows(source: ClientBase, target: ClientBase, rowsPerTable: number): Promise<Sample> {
  await source.query('begin transaction isolation level repeatable read read only')
  try {
    const { rows: tables } = await source.query<SampledTable>(TABLES)
    const { rows: references } = await source.query<Reference>(REFERENCES)
    const chosen = new Map<string, Set<string>>()
    for (const { oid, name } of tables) {
      const { rows } = await source.query<{ ctid: string }>(
        `select ctid::text as ctid from only ${name} limit ${String(rowsPerTable)}`,
      )
      chosen.set(oid, new Set(rows.map((r) => r.ctid)))
    }
    await addReferenced(source, tables, references, chosen)
    return await copyRows(source, target, tables, chosen)
  } finally {
    await source.query('rollback')
  }
}

/** Adds the rows that chosen rows refer to, until all are there. */
async function addReferenced(
  source: ClientBase,
  tables: readonly SampledTable[],
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
  where k.contype = 'f'
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship')`
