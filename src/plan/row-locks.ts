import { addressKey } from '../catalog/dependency.ts'
import type { Acl, Oid } from '../catalog/fragments.ts'
import type { Relation } from '../catalog/relation.ts'
import { prokinds } from '../catalog/routine.ts'
import type { Snapshot } from '../catalog/snapshot.ts'
import { id, qualified, type QualifiedName } from '../sql.ts'
import { routineArguments } from './objects.ts'
import type { PlannedLock } from './plan.ts'

/*
 * GRANT, ALTER FUNCTION, CREATE OR REPLACE FUNCTION and ALTER STATISTICS lock nothing that a lock of ours would keep them from (GRANT
 * does so as of PostgreSQL 18): they write a catalog row, and wait only for whoever has written it and not committed yet. So every row
 * that goes, or whose privileges are taken from a backup, is written by statements that leave it as it is. Until the removal ends,
 * others' statements wait then, and fail: the row that they meant is not there any more.
 */

/** Statements that leave catalog rows as they are, and lock nothing that readers and writers would wait for. */
export function writeAsTheyAre(snapshot: Snapshot): string[] {
  const goes = goesWith(snapshot)
  return [
    ...snapshot.relations.flatMap((r) => {
      const columns = snapshot.columns
        .filter((c) => c.attrelid === r.oid && (goes('pg_class', r.oid) || goes('pg_class', r.oid, c.attnum)))
        .map((c) => ({ list: ` (${id(c.attname)})`, acl: c.attacl }))
      const own = goes('pg_class', r.oid) ? rowOf(r) : []
      return r.relkind === 'S' ? own : [...own, ...grantInPassing(`table ${nameOf(r)}`, 'references', columns)]
    }),
    ...snapshot.statistics
      .filter((s) => goes('pg_statistic_ext', s.oid))
      .flatMap((s) => thereAndBack('statistics', { schema: s.nspname, name: s.stxname }, s.oid)),
    ...snapshot.routines
      .filter((r) => goes('pg_proc', r.oid))
      .flatMap((r) =>
        thereAndBack(prokinds[r.prokind], { schema: r.nspname, name: r.proname }, r.oid, routineArguments(r)),
      ),
  ]
}

/** Sequences that nobody was ever granted: what writes their row locks them, and comes with the locks that others wait for. */
export const listlessSequences = (
  snapshot: Snapshot,
): { readonly oid: Oid; readonly locks: readonly PlannedLock[] }[] =>
  snapshot.relations
    .filter(isListlessSequence)
    .filter((r) => goesWith(snapshot)('pg_class', r.oid))
    .map((r) => {
      const relation = { schema: r.nspname, name: r.relname }
      return {
        oid: r.oid,
        locks: thereAndBack('sequence', relation, r.oid).map((sql) => ({ sql, relation, part: { object: null } })),
      }
    })

const isListlessSequence = (r: Relation) => r.relkind === 'S' && r.relacl === null

const goesWith = ({ nodes }: Snapshot) => {
  const keys = new Set(nodes.map(addressKey))
  return (catalog: string, objid: string, objsubid = 0) => keys.has(addressKey({ catalog, objid, objsubid }))
}

const nameOf = (r: Relation) => qualified({ schema: r.nspname, name: r.relname })

function rowOf(r: Relation): string[] {
  if (isListlessSequence(r)) return []
  if (r.relkind === 'S') return grantInPassing(`sequence ${nameOf(r)}`, 'usage', [{ list: '', acl: r.relacl }])
  // no TOAST table has a fill factor that could be taken away
  return ['r', 'p', 'v', 'm'].includes(r.relkind) ? [`alter table only ${nameOf(r)} reset (toast.fillfactor)`] : []
}

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
