import type { Column } from '../catalog/column.ts'
import { parseName } from '../names.ts'
import { id, qualified } from '../sql.ts'
import type { Model } from './model.ts'
import { shown } from './model.ts'
import type { CountPlan } from './plan.ts'

/** What is counted before anything changes: what the declaration asks for, else every table and column. */
export function planCounts(model: Model): CountPlan[] {
  const declared = Object.entries(model.feature.counts ?? {})
  if (declared.length === 0) return everything(model)
  return declared.flatMap(([label, of]) => {
    if (typeof of === 'string') {
      const name = parseName(of, model.schema)
      return [{ label, sql: `select pg_catalog.count(*)::text as rows from ${qualified(name)}` }]
    }
    return Object.entries(of).flatMap(([table, columns]) => {
      const name = parseName(table, model.schema)
      const host = [...model.removed.keys()].find((oid) => {
        const relation = model.name(oid)
        return relation.schema === name.schema && relation.name === name.name
      })
      if (!host) return []
      const wanted = (model.removed.get(host) ?? []).filter((c) => columns?.includes(c.attname))
      return wanted.length > 0 ? [{ label, sql: countHolding(model, host, wanted) }] : []
    })
  })
}

function everything(model: Model): CountPlan[] {
  const tables = [...model.moved].map((oid) => ({
    label: shown(model.name(oid)),
    sql: `select pg_catalog.count(*)::text as rows from ${qualified(model.name(oid))}`,
  }))
  const columns = [...model.removed].flatMap(([oid, removed]) =>
    removed.map((c) => ({ label: `${shown(model.name(oid))}.${c.attname}`, sql: countHolding(model, oid, [c]) })),
  )
  return [...columns, ...tables]
}

/** A boolean holds something when true; another column when it differs from what a new row is given. */
function countHolding(model: Model, oid: string, columns: readonly Column[]): string {
  const conditions = columns.map((c) => {
    const name = `h.${id(c.attname)}`
    if (c.type === 'boolean') return name
    if (c.default === null || !c.default_constant) return `${name} is not null`
    return `pg_catalog.record_image_ne(row(${name}), row(cast(${c.default} as ${c.type})))`
  })
  return `select pg_catalog.count(*)::text as rows from only ${qualified(model.name(oid))} h where ${conditions.join(' or ')}`
}
