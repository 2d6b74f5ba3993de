import { addressKey } from '../catalog/dependency.ts'
import { prokinds } from '../catalog/routine.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { dollarQuote, id, literal, qualified, type QualifiedName } from '../sql.ts'
import { routineArguments } from './objects.ts'
import type { PlannedLock } from './plan.ts'

/**
 * Locks of what leaves with tables, or with the feature, and has a lock of its own: COMMENT ON, ALTER INDEX, ALTER SEQUENCE and ALTER
 * STATISTICS ask for that alone, or for little of the table's. Who gives something its present owner changes nothing, needs no
 * privilege but that of the owner, and holds an ACCESS EXCLUSIVE lock. (PostgreSQL would have ALTER INDEX … OWNER TO warn that it does
 * nothing, if it were another owner; that of a partitioned index it refuses.)
 */
export function partLocks(snapshot: Snapshot): PlannedLock[] {
  const goes = (catalog: string, objid: string) => snapshot.nodes.some((n) => addressKey(n) === `${catalog}:${objid}:0`)
  const owners = new Map(snapshot.relations.map((r) => [r.oid, r.owner]))
  return [
    ...snapshot.indexes
      .filter((i) => goes('pg_class', i.indexrelid))
      .map((i) => {
        const name = { schema: i.nspname, name: i.relname }
        const owner = owners.get(i.indrelid) ?? ''
        const sql = i.partitioned
          ? inItsTablespace(qualified(name), i.tablespace)
          : `alter index ${qualified(name)} owner to ${id(owner)}`
        return { sql, relation: name, part: { object: null } }
      }),
    ...snapshot.relations
      .filter((r) => r.relkind === 'S' && goes('pg_class', r.oid))
      .map((r) => ({
        ...toItsOwner('sequence', { schema: r.nspname, name: r.relname }, r.owner),
        part: { object: null },
      })),
    ...snapshot.statistics
      .filter((s) => goes('pg_statistic_ext', s.oid))
      .map((s) => ({
        ...toItsOwner('statistics', { schema: s.nspname, name: s.stxname }, s.owner),
        part: { object: { catalog: 'pg_statistic_ext', objid: s.oid } },
      })),
    ...snapshot.routines
      .filter((r) => goes('pg_proc', r.oid))
      .map((r) => ({
        ...toItsOwner(prokinds[r.prokind], { schema: r.nspname, name: r.proname }, r.owner, routineArguments(r)),
        part: { object: { catalog: 'pg_proc', objid: r.oid } },
      })),
  ]
}

const toItsOwner = (kind: string, name: QualifiedName, owner: string, args = ''): PlannedLock => ({
  sql: `alter ${kind} ${qualified(name)}${args} owner to ${id(owner)}`,
  relation: name,
})

/** To where it is: that changes nothing either, and a partitioned index has no files to move. */
const inItsTablespace = (index: string, tablespace: string | null): string =>
  tablespace !== null
    ? `alter index ${index} set tablespace ${id(tablespace)}`
    : `do ${dollarQuote(
        `
begin
  execute pg_catalog.format('alter index %s set tablespace %I', ${literal(index)},
    (select t.spcname from pg_catalog.pg_tablespace t join pg_catalog.pg_database d on d.dattablespace = t.oid
      where d.datname = pg_catalog.current_database()));
end`,
        'tablespace',
      )}`
