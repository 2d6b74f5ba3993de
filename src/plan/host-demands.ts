import { addressKey } from '../catalog/dependency.ts'
import type { Oid } from '../catalog/fragments.ts'
import { id, qualified, type QualifiedName } from '../sql.ts'
import { backedUp, onKey } from './backup.ts'
import { checkExpression } from './fill-hazards.ts'
import type { Model } from './model.ts'
import { foreignKeysOf } from './moved.ts'
import type { HostCheck, HostPlan, MovedForeignKey, MovedPlan } from './plan.ts'
import { orphaned, type Comparison } from './set-aside.ts'
import { namesAbsent, textsOf } from './texts.ts'
import { rowsOf } from './tree.ts'

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

/** Whether rows break a check, before columns are added or once they are filled; null where that cannot be told yet. */
export function checkBroken(host: HostPlan, { columns, expression }: HostCheck, filled: boolean): string | null {
  // a reference to a parent that is gone will be left empty
  if (!filled && host.foreignKeys.some((k) => k.columns.some((name) => columns.includes(name)))) return null
  const rows = (filled ? withHidden : withBackup)(host, columns)
  return `exists (select from ${rows} as ${id(host.table.name)} where (${expression}) is false)`
}

/** Whether filled rows break a foreign key. */
export function keyBroken(
  { hosts, moved }: { readonly hosts: readonly HostPlan[]; readonly moved: readonly MovedPlan[] },
  host: HostPlan,
  key: MovedForeignKey,
  comparisons: readonly Comparison[],
): string {
  const isReferenced = ({ table }: { readonly table: QualifiedName }) => qualified(table) === qualified(key.referenced)
  const parentHost = hosts.find(isReferenced)
  const broken = orphaned({
    ...{ key, comparisons },
    parent: referencedBeforeReveal(moved, key),
    parents: parentHost ? withHidden(parentHost, key.referencedColumns) : null,
  })
  const nulls = `pg_catalog.num_nulls(${key.columns.map((c) => `t.${id(c)}`).join(', ')})`
  const half = key.full ? ` or ${nulls} between 1 and ${String(key.columns.length - 1)}` : ''
  return `exists (select from ${withHidden(host, key.columns)} as t where (${broken})${half})`
}

/** What a key refers to, by the name that it has until the reveal. */
export const referencedBeforeReveal = (moved: readonly MovedPlan[], { referenced }: MovedForeignKey): QualifiedName =>
  moved.find(({ table }) => qualified(table) === qualified(referenced))?.backup ?? referenced
