import type { Column } from '../../catalog/column.ts'
import { UnshipError } from '../../errors.ts'
import { parseName } from '../../names.ts'
import { id, qualified, type QualifiedName } from '../../sql.ts'
import type { Model } from '../model.ts'
import { shown } from '../model.ts'
import type { CountPlan } from '../plan.ts'

/** What is counted before anything changes: what the declaration asks for, else every table and column. */
export function planCounts(model: Model): CountPlan[] {
  const declared = Object.entries(model.feature.counts ?? {})
  if (declared.length === 0) return everything(model)
  return declared.flatMap(([label, of]) => {
    if (typeof of === 'string') {
      const name = parseName(of, model.schema)
      if ([...model.moved].some((oid) => hidden(model, oid) && same(model.name(oid), name))) return []
      return [{ label, sql: countRows(model, name) }]
    }
    return Object.entries(of).flatMap(([table, columns]) => {
      const name = parseName(table, model.schema)
      const host = [...model.removed.keys()].find((oid) => {
        return same(model.name(oid), name)
      })
      if (!host) return []
      const wanted = (model.removed.get(host) ?? []).filter((c) => columns?.includes(c.attname))
      return wanted.length > 0 ? [{ label, ...countHolding(model, host, wanted) }] : []
    })
  })
}

/** A name that nothing has would be found out by the count, when the copy has been begun, or count nothing. */
export function refuseCounts(model: Model): void {
  const { taken, environment } = model.snapshot
  const lines = Object.entries(model.feature.counts ?? {}).flatMap(([label, of]) => {
    if (typeof of === 'string') {
      const name = parseName(of, model.schema)
      const there = taken.some((t) => t.catalog === 'pg_class' && t.nspname === name.schema && t.name === name.name)
      return there ? [] : [`"${label}": table ${of} does not exist in database ${environment.database}.`]
    }
    return Object.entries(of).flatMap(([table, columns]) => {
      const name = parseName(table, model.schema)
      const host = [...model.removed.keys()].find((oid) => same(model.name(oid), name))
      const removed = host === undefined ? [] : (model.removed.get(host) ?? [])
      return (columns ?? [])
        .filter((column) => !removed.some((c) => c.attname === column))
        .map((column) => `"${label}": column ${table}.${column} is none that the feature takes.`)
    })
  })
  if (lines.length === 0) return
  throw new UnshipError({
    code: 'invalid_declaration',
    message: `feature ${model.feature.name} counts what is not there`,
    detail: lines.join('\n'),
    hint: 'Correct "counts" in the declaration; nothing was changed.',
  })
}

function everything(model: Model): CountPlan[] {
  const counted = [...model.moved].filter((oid) => !hidden(model, oid) && !model.isPartitionOfMoved(oid))
  const tables = counted.map((oid) => ({
    label: shown(model.name(oid)),
    sql: countRows(model, model.name(oid)),
  }))
  const columns = [...model.removed].flatMap(([oid, removed]) =>
    removed.map((c) => ({ label: `${shown(model.name(oid))}.${c.attname}`, ...countHolding(model, oid, [c]) })),
  )
  return [...columns, ...tables]
}

/** A partitioned table has the rows of its partitions; a parent that others inherit from has rows of its own. */
function countRows(model: Model, name: QualifiedName): string {
  const moved = [...model.moved].find((oid) => same(model.name(oid), name))
  const only = moved !== undefined && !model.isPartitioned(moved) ? 'only ' : ''
  return `select pg_catalog.count(*)::text as rows from ${only}${qualified(name)}`
}

/** Policies that bind the owner too would hide rows, and an owner may have lost the right to read; the table is moved all the same, and counted then. */
const hidden = (model: Model, oid: string) =>
  model.relation(oid).row_security_active || !model.relation(oid).privileges.includes('SELECT')

const same = (a: QualifiedName, b: QualifiedName) => a.schema === b.schema && a.name === b.name

/** Of booleans whose default is true, those that are false are backed up. Where it varies, all are. */
const isBlankUnlessTrue = ({ default: value, default_constant }: Column) =>
  value === null || value === 'false' || !default_constant

/** A boolean holds something when true; another column when it differs from what a new row is given. */
function countHolding(model: Model, oid: string, columns: readonly Column[]): Omit<CountPlan, 'label'> {
  const conditions = columns.map((c) => {
    const name = `h.${id(c.attname)}`
    if (c.type === 'boolean') return name
    if (c.default === null || !c.default_constant) return `${name} is not null`
    return `pg_catalog.record_image_ne(row(${name}), row(cast(${c.default} as ${c.type})))`
  })
  const rows = {
    from: `${model.relation(oid).relkind === 'p' ? '' : 'only '}${qualified(model.name(oid))} h`,
    where: conditions.join(' or '),
    backedUp: columns.every((c) => c.attgenerated === '' && (c.type !== 'boolean' || isBlankUnlessTrue(c))),
  }
  return { sql: `select pg_catalog.count(*)::text as rows from ${rows.from} where ${rows.where}`, rows }
}
