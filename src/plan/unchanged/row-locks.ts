import { addressKey, type Address } from '../../catalog/dependency.ts'
import type { Acl, Oid } from '../../catalog/fragments.ts'
import type { Relation } from '../../catalog/relation.ts'
import { prokinds } from '../../catalog/routine.ts'
import type { Snapshot } from '../../catalog/snapshot.ts'
import { id, qualified, type QualifiedName } from '../../sql.ts'
import { routineArguments } from '../objects/objects.ts'
import type { PlannedLock } from '../plan.ts'

/*
 * GRANT, ALTER FUNCTION, CREATE OR REPLACE FUNCTION and ALTER STATISTICS lock nothing that a lock of ours would keep them from (GRANT
 * does so as of PostgreSQL 18): they write a catalog row, and wait only for whoever has written it and not committed yet. So every row
 * that goes, or whose privileges are taken from a backup, is written by statements that leave it as it is. Until the removal ends,
 * others' statements wait then, and fail: the row that they meant is not there any more.
 *
 * These statements lock what they write, too, so that COMMENT and ALTER of it wait: views and indexes in SHARE UPDATE EXCLUSIVE mode,
 * in which they are used on; functions and statistics, whose locks no user of theirs asks for. There is no such lock of a sequence.
 */

/** Statements that keep definitions as they are, and lock nothing that readers and writers would wait for. */
export function keepStill(snapshot: Snapshot): PlannedLock[] {
  const goes = goesWith(snapshot)
  const withColumns = snapshot.relations.filter((r) => ['r', 'p', 'v', 'm'].includes(r.relkind))
  return [
    ...withColumns.flatMap((r) => {
      const columns = snapshot.columns.filter(
        (c) => c.attrelid === r.oid && (goes('pg_class', r.oid) || goes('pg_class', r.oid, c.attnum)),
      )
      const system = goes('pg_class', r.oid) ? r.system_columns : []
      const lists = [...columns, ...system].map((c) => ({ list: ` (${id(c.attname)})`, acl: c.attacl }))
      return asParts(nameOf(r), [
        ...(goes('pg_class', r.oid) ? rowOf(r, columns[0]?.attname) : []),
        ...grantInPassing(`table ${qualified(nameOf(r))}`, 'references', lists),
      ])
    }),
    ...goingSequences(snapshot).flatMap((r) =>
      r.relacl === null
        ? []
        : asParts(
            nameOf(r),
            grantInPassing(`sequence ${qualified(nameOf(r))}`, 'usage', [{ list: '', acl: r.relacl }]),
          ),
    ),
    ...snapshot.indexes
      .filter((i) => goes('pg_class', i.indexrelid))
      .flatMap((i) => {
        const name = { schema: i.nspname, name: i.relname }
        return asParts(name, i.partitioned ? thereAndBack('index', name, i.indexrelid) : [resetNothing(name)])
      }),
    ...snapshot.statistics
      .filter((s) => goes('pg_statistic_ext', s.oid))
      .flatMap((s) => {
        const name = { schema: s.nspname, name: s.stxname }
        const object = { catalog: 'pg_statistic_ext', objid: s.oid }
        return asParts(name, thereAndBack('statistics', name, s.oid), object)
      }),
    ...snapshot.routines
      .filter((r) => goes('pg_proc', r.oid))
      .flatMap((r) => {
        const name = { schema: r.nspname, name: r.proname }
        const object = { catalog: 'pg_proc', objid: r.oid }
        return asParts(name, thereAndBack(prokinds[r.prokind], name, r.oid, routineArguments(r)), object)
      }),
  ]
}

const asParts = (
  relation: QualifiedName,
  statements: readonly string[],
  object: Pick<Address, 'catalog' | 'objid'> | null = null,
): PlannedLock[] => statements.map((sql) => ({ sql, relation, part: { object } }))

const going = (snapshot: Snapshot, relkinds: readonly string[]): Relation[] => {
  const goes = goesWith(snapshot)
  return snapshot.relations.filter((r) => relkinds.includes(r.relkind) && goes('pg_class', r.oid))
}

export const goingSequences = (snapshot: Snapshot): Relation[] => going(snapshot, ['S'])

/** Tables that nobody was ever granted. */
export const listlessTables = (snapshot: Snapshot): Relation[] =>
  going(snapshot, ['r', 'p']).filter((r) => r.relacl === null)

/** Sequences and materialized views that nobody was ever granted: there is no weak lock under which to write their row. */
export const listless = (snapshot: Snapshot): Relation[] => going(snapshot, ['S', 'm']).filter((r) => r.relacl === null)

/** Locks that others wait for, besides those of tables and views. What writes the row of a sequence locks it as well. */
export const lateLocks = (snapshot: Snapshot): PlannedLock[] => [
  ...goingSequences(snapshot)
    .filter((r) => r.relacl !== null)
    .flatMap((r) => asParts(nameOf(r), [`alter sequence ${qualified(nameOf(r))} owner to ${id(r.owner)}`])),
  ...listless(snapshot).flatMap((r) =>
    asParts(nameOf(r), thereAndBack(r.relkind === 'S' ? 'sequence' : 'materialized view', nameOf(r), r.oid)),
  ),
]

const goesWith = ({ nodes }: Snapshot) => {
  const keys = new Set(nodes.map(addressKey))
  return (catalog: string, objid: string, objsubid = 0) => keys.has(addressKey({ catalog, objid, objsubid }))
}

const nameOf = (r: Relation): QualifiedName => ({ schema: r.nspname, name: r.relname })

/** Of a table that nobody was ever granted, the cut-over writes it itself: see `demandOwnersAlone`. */
function rowOf(r: Relation, column: string | undefined): string[] {
  // this would lock a TOAST table, too, which VACUUM works on by itself
  if (r.relkind === 'v') return [resetNothing(nameOf(r))]
  const lock = r.relkind === 'm' && column !== undefined
  return [
    ...(lock ? [`alter table only ${qualified(nameOf(r))} alter column ${id(column)} reset (unship)`] : []),
    ...(r.relacl ? grantInPassing(`table ${qualified(nameOf(r))}`, 'references', [{ list: '', acl: r.relacl }]) : []),
  ]
}

/** No TOAST table has a fill factor that could be taken away. */
const resetNothing = (relation: QualifiedName) => `alter table only ${qualified(relation)} reset (toast.fillfactor)`

/** Sets nothing to what was planned from: that could undo what somebody else has set meanwhile. */
function thereAndBack(kind: string, { schema, name }: QualifiedName, oid: Oid, args = ''): string[] {
  const meanwhile = `unship_${oid}`
  return [
    `alter ${kind} ${qualified({ schema, name })}${args} rename to ${id(meanwhile)}`,
    `alter ${kind} ${qualified({ schema, name: meanwhile })}${args} rename to ${id(name)}`,
  ]
}

/** Every server has them, and nobody gives them such privileges. */
const BUILT_IN_ROLES = ['pg_signal_backend', 'pg_execute_server_program', 'pg_read_server_files']

/** Leaves lists as they were, in their order, but that of an object that had none. (PostgreSQL keeps no empty list of a column.) */
function grantInPassing(
  object: string,
  privilege: string,
  lists: readonly { readonly list: string; readonly acl: Acl }[],
): string[] {
  const role = BUILT_IN_ROLES.find((name) => !lists.some(({ acl }) => acl?.some((entry) => entry.grantee === name)))
  if (lists.length === 0 || role === undefined) return []
  const granted = `${lists.map(({ list }) => privilege + list).join(', ')} on ${object}`
  return [`grant ${granted} to ${role}`, `revoke ${granted} from ${role}`]
}
