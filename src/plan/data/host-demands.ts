import { addressKey } from '../../catalog/dependency.ts'
import type { Oid } from '../../catalog/fragments.ts'
import { id, qualified, type QualifiedName } from '../../sql.ts'
import { backedUp, onKey } from './backup.ts'
import { checkExpression } from '../refusals/fill-hazards.ts'
import type { Model } from '../model.ts'
import { foreignKeysOf, plannedForeignKey } from '../objects/moved.ts'
import type { HostCheck, HostPlan, KeptKey, MovedForeignKey, MovedPlan } from '../plan.ts'
import { orphaned, restoredParents, type Comparison } from './set-aside.ts'
import { namesAbsent, textsOf } from '../refusals/texts.ts'
import { rowsOf } from '../tree.ts'

/*
 * A constraint over removed and kept columns held when the columns went. Kept ones change meanwhile, and rows come: whether it
 * holds of what they make with the backed-up values is asked before the reveal.
 */

/** The checks of a host table that can be asked before the reveal: not of generated columns, nor with functions or types of the feature, or functions whose strings name it. */
export const hostChecks = (model: Model, oid: Oid): HostCheck[] =>
  model.snapshot.constraints.flatMap((k) => {
    const expression = checkExpression(k)
    if (k.contype !== 'c' || k.conrelid !== oid || !k.convalidated || !k.enforced || expression === null) return []
    const removed = (model.gone.get(oid) ?? []).filter((c) => k.columns.includes(c.attname))
    if (removed.length === 0 || removed.length === k.columns.length) return []
    if (removed.some((c) => c.attgenerated !== '')) return []
    const parts = [
      { catalog: 'pg_constraint', objid: k.oid, objsubid: 0 },
      ...removed.map((c) => ({ catalog: 'pg_class', objid: oid, objsubid: c.attnum })),
    ].map(addressKey)
    const needsFeature = model.snapshot.edges.some(
      ({ dependent, referenced }) =>
        parts.includes(dependent) && /^pg_(proc|type|operator|collation):/.test(referenced),
    )
    const namesFeature = textsOf(model, `pg_constraint:${k.oid}:0`).some((text) => namesAbsent(model, text).length > 0)
    return needsFeature || namesFeature ? [] : [{ name: k.conname, columns: k.columns, expression }]
  })

/** Valid foreign keys over stored removed columns. */
export function demandedKeys(model: Model, oid: Oid): MovedForeignKey[] {
  const removed = (name: string) => model.gone.get(oid)?.find((c) => c.attname === name)
  return foreignKeysOf(model, oid).filter(
    ({ columns, validated, referencedGenerated }) =>
      validated &&
      referencedGenerated !== true &&
      columns.some((name) => removed(name)) &&
      columns.every((name) => (removed(name)?.attgenerated ?? '') === ''),
  )
}

/** Valid foreign keys of tables that stay, over columns that all stay, which come back with the feature. */
export const keptKeys = (model: Model): KeptKey[] =>
  model.snapshot.constraints
    .filter(({ contype, parent }) => contype === 'f' && parent === null)
    .filter(({ oid, conrelid }) => model.nodes.has(`pg_constraint:${oid}:0`) && !model.moved.has(conrelid))
    .filter(({ conrelid, columns }) => !model.gone.get(conrelid)?.some((c) => columns.includes(c.attname)))
    .map((k) => ({
      table: model.name(k.conrelid),
      ...(model.isPartitioned(k.conrelid) && { partitioned: true }),
      foreignKey: plannedForeignKey(model, k),
    }))
    .filter(({ foreignKey }) => foreignKey.validated && foreignKey.referencedGenerated !== true)

/** Some rows as a check or key sees them, under the table's name. */
type RowsWith = (host: HostPlan, columns: readonly string[]) => string

const rowsWith =
  (
    value: (column: HostPlan['columns'][number], host: HostPlan) => string,
    from: (host: HostPlan) => string,
  ): RowsWith =>
  (host, columns) => {
    const list = columns.map((name) => {
      const removed = host.columns.find((c) => c.name === name)
      return removed ? `${value(removed, host)} as ${id(name)}` : `h.${id(name)}`
    })
    // a check may speak of it
    return `(select ${['h.tableoid', ...list].join(', ')} from ${from(host)})`
  }

/** Before columns are added: what a row has in the backup, or else what ADD COLUMN gives it. */
const withBackup = rowsWith(
  ({ name, blank, type }, host) =>
    blank === `cast(null as ${type})`
      ? `b.${id(name)}`
      : `case when b.${id(host.key[0] ?? '')} is null then ${blank} else b.${id(name)} end`,
  (host) => `${rowsOf(host)} h ${host.everyRow ? '' : 'left '}join ${backedUp(host)} b on ${onKey(host, 'b', 'h')}`,
)

const withHidden = rowsWith(
  ({ hidden }) => `h.${id(hidden)}`,
  (host) => `${rowsOf(host)} h`,
)

const revealed = rowsWith(
  ({ name }) => `h.${id(name)}`,
  (host) => `${rowsOf(host)} h`,
)

/** When rows are looked at: with what is backed up, with what is filled into hidden columns, with the columns as they were. */
export type Stage = 'before' | 'hidden' | 'revealed'

const rowsAt: Record<Stage, RowsWith> = { before: withBackup, hidden: withHidden, revealed }

/** Whether rows break a check, before columns are added or once they are filled; null where that cannot be told yet. */
export function checkBroken(host: HostPlan, { columns, expression }: HostCheck, filled: boolean): string | null {
  // a reference to a parent that is gone will be left empty
  if (!filled && host.foreignKeys.some((k) => k.columns.some((name) => columns.includes(name)))) return null
  const rows = (filled ? withHidden : withBackup)(host, columns)
  return `exists (select from ${rows} as ${id(host.table.name)} where (${expression}) is false)`
}

/** A foreign key, and the table whose rows it holds for. */
export interface Referring extends Pick<HostPlan, 'table' | 'members'> {
  /** That table, where columns of the key went from it. */
  readonly host: HostPlan | null
  readonly key: MovedForeignKey
}

/** The foreign keys that are to hold for all rows of tables that stay. */
export const demandedOf = (plan: {
  readonly hosts: readonly HostPlan[]
  readonly keptKeys?: readonly KeptKey[]
}): Referring[] => [
  ...plan.hosts.flatMap((host) =>
    (host.demandedKeys ?? []).map((key) => ({ ...rowsIn(host, host.members), host, key })),
  ),
  ...(plan.keptKeys ?? []).map(({ partitioned, foreignKey: key, ...of }) => ({
    ...rowsIn(of, partitioned ? [] : undefined),
    ...{ host: null, key },
  })),
]

const rowsIn = ({ table }: { readonly table: QualifiedName }, members: HostPlan['members']) => ({
  table,
  ...(members && { members }),
})

/** Rows that break a foreign key. */
export interface KeyBreakers {
  /** SQL: the table's rows, for `t`; of a host, with the columns that identify them and those of the key alone. */
  readonly rows: string
  /** A condition on them: they refer to what is not there, or have a part of a reference alone. */
  readonly broken: string
  /** The latter. */
  readonly half: string
}

/** Null where that cannot be told yet. */
export function keyBreakers(
  { hosts, moved }: { readonly hosts: readonly HostPlan[]; readonly moved: readonly MovedPlan[] },
  of: Referring,
  { stage, comparisons }: { readonly stage: Stage; readonly comparisons: readonly Comparison[] },
): KeyBreakers | null {
  const { host, key } = of
  const parentHost =
    stage === 'revealed' ? undefined : hosts.find((h) => qualified(h.table) === qualified(key.referenced))
  if (stage === 'before' && mayChange(host, key, parentHost)) return null
  const nulls = `pg_catalog.num_nulls(${key.columns.map((c) => `t.${id(c)}`).join(', ')})`
  const half = key.full ? `${nulls} between 1 and ${String(key.columns.length - 1)}` : 'false'
  const gone = orphaned({
    ...{ key, comparisons },
    parent: stage === 'revealed' ? key.referenced : referencedBeforeReveal(moved, key),
    parents: parentHost ? parentsAt(stage, parentHost, key) : null,
  })
  return {
    rows: host ? rowsAt[stage](host, columnsOf(host, key)) : rowsOf(of),
    half,
    // without OR, PostgreSQL plans a join
    broken: key.full ? `(${gone}) or ${half}` : gone,
  }
}

/** Those that identify a row, and those of the key. */
export const columnsOf = (host: HostPlan, key: MovedForeignKey): string[] => [...new Set([...host.key, ...key.columns])]

/** What a row refers to, or is referred to by, may not be what it will be: a reference is left empty, a value is filled in. */
const mayChange = (
  host: HostPlan | null,
  { columns, referencedColumns }: MovedForeignKey,
  parentHost: HostPlan | undefined,
) =>
  (host?.foreignKeys.some((k) => k.columns.some((name) => columns.includes(name))) ?? false) ||
  (parentHost?.columns.some((c) => c.filler !== null && referencedColumns.includes(c.name)) ?? false)

const parentsAt = (stage: Stage, parent: HostPlan, key: MovedForeignKey) =>
  stage === 'before' ? restoredParents(parent, key) : withHidden(parent, key.referencedColumns)

/** What a key refers to, by the name that it has until the reveal. */
export const referencedBeforeReveal = (moved: readonly MovedPlan[], { referenced }: MovedForeignKey): QualifiedName =>
  moved.find(({ table }) => qualified(table) === qualified(referenced))?.backup ?? referenced
