import type { ClientBase } from 'pg'
import { copyRows, TABLES, type Sample, type SampledTable } from './copy-rows.ts'
import { setLocally } from './text-settings.ts'
import { findUnread, TRUSTED } from './unread.ts'

interface Reference {
  readonly conrelid: string
  /** What is read of the parent: itself, or all its partitions. */
  readonly parents: readonly string[]
  /** On rows `c` that refer and `p` that are referred to. */
  readonly condition: string
  readonly parent: string
}

/**
 * With these nobody's function or operator stands in for a built-in one, rows that a policy hides are an error, and checks are
 * not computed in planning.
 */
const PINNED = { search_path: '', row_security: 'off', constraint_exclusion: 'off' }

/**
 * Copies rows of each table from one database to another of the same schema, or part of it, and with them all that
 * they refer to. Reads in one snapshot, and writes nothing in the source. Tables that could not be read without running
 * what others wrote are left out and told.
 */
export async function sampleRows(source: ClientBase, target: ClientBase, rowsPerTable: number): Promise<Sample> {
  await source.query('begin transaction isolation level repeatable read read only')
  try {
    await source.query(setLocally(PINNED))
    const unread = await findUnread(source)
    const { rows: found } = await source.query<SampledTable>(TABLES)
    const tables = found.filter(({ oid }) => !unread.has(oid))
    const { rows: references } = await source.query<Reference>(REFERENCES)
    const chosen = new Map<string, Set<string>>()
    for (const { oid, name } of tables) {
      const { rows } = await source.query<{ ctid: string }>(
        `select ctid::text as ctid from only ${name} limit ${String(rowsPerTable)}`,
      )
      chosen.set(oid, new Set(rows.map((r) => r.ctid)))
    }
    const followed = references.filter(({ parents }) => !parents.some((oid) => unread.has(oid)))
    await addReferenced(source, tables, followed, chosen)
    const { rows, leftOut } = await copyRows(source, target, tables, chosen)
    const passedOver = found
      .filter(({ oid }) => unread.has(oid))
      .map(({ oid, name }) => ({
        what: `ROWS ${name}`,
        reason: `${unread.get(oid) ?? ''}; sample as its owner`,
        sql: '',
      }))
    return { rows, leftOut: [...leftOut, ...passedOver] }
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

/** By the operators of the foreign key itself. An implicit cast that somebody wrote is not run for it. */
const REFERENCES = `
  select k.conrelid::text as conrelid,
    pg_catalog.format(case r.relkind when 'r' then 'only ' else '' end || '%I.%I', rn.nspname, r.relname) as parent,
    (select pg_catalog.json_agg(t.oid::text) from (
      select r.oid union select relid from pg_catalog.pg_partition_tree(r.oid)) t(oid)) as parents,
    (select pg_catalog.string_agg(
       pg_catalog.format('p.%I operator(%I.%s) c.%I', pa.attname, n.nspname, o.oprname, ca.attname), ' and ')
     from rows from (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop)) u(child, parent, operator)
     join pg_catalog.pg_attribute ca on ca.attrelid = k.conrelid and ca.attnum = u.child
     join pg_catalog.pg_attribute pa on pa.attrelid = k.confrelid and pa.attnum = u.parent
     join pg_catalog.pg_operator o on o.oid = u.operator
     join pg_catalog.pg_namespace n on n.oid = o.oprnamespace) as condition
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_class c on c.oid = k.conrelid and c.relkind = 'r'
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_class r on r.oid = k.confrelid
  join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace
  where k.contype = 'f'
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'unship')
    and not exists (
      select from pg_catalog.pg_attribute a join pg_catalog.pg_cast t on t.castsource = a.atttypid and t.castcontext = 'i'
      join pg_catalog.pg_proc f on f.oid = t.castfunc
      where a.attrelid = k.conrelid and a.attnum = any (k.conkey) and not ${TRUSTED})`
