import type { Oid } from '../../catalog/fragments.ts'
import { id } from '../../sql.ts'
import { defaultOf } from '../objects/defaults.ts'
import { declaredFill, givenByParent } from '../objects/host.ts'
import { isSameForAll, nullsEqual, sameValue } from './index-reasons.ts'
import type { Model } from '../model.ts'
import type { Probe } from './probes.ts'

/**
 * Exclusion constraints, and unique indexes over expressions, or of some rows: tried on the row that a new row's columns would make.
 * Of columns that stay nothing is known: a predicate that they do not decide is taken to hold.
 */
export function uniqueProbes(model: Model, oid: Oid): Probe[] {
  const table = model.name(oid)
  const root = model.rootOf(oid)
  const column = (n: number) => {
    const c = model.columns(oid).find((of) => of.attnum === n)
    return c && model.isRemoved(oid, n) ? givenByParent(model, root, c) : c
  }
  const isSame = (n: number) => {
    const c = model.isRemoved(oid, n) ? column(n) : undefined
    return c !== undefined && isSameForAll(c) && declaredFill(model, model.name(root ?? oid), c) === null
  }
  return model.snapshot.indexes.flatMap((i) => {
    // what is a part of another is tried there
    if (i.indrelid !== oid || i.whole_row || i.attached) return []
    // what stays is satisfied meanwhile
    if (!model.nodes.has(`pg_class:${i.indexrelid}:0`)) return []
    if (i.excludes === null && !(i.indisunique && (i.partial || i.expressions))) return []
    const keys = i.indkey.slice(0, i.indnkeyatts).filter((n) => n !== 0)
    if (![...keys, ...i.expression_columns].every(isSame)) return []
    const values = [...keys.map((n) => id(column(n)?.attname ?? '')), ...(i.expression_list ? [i.expression_list] : [])]
    const given = i.table_columns.flatMap((n) => {
      const c = column(n)
      if (!c) return []
      const value = isSame(n) ? (defaultOf(c) ?? 'null') : 'null'
      return [`cast(${value} as ${c.type}) as ${id(c.attname)}`]
    })
    const equal = i.excludes ?? (nullsEqual(i) ? 'true' : `pg_catalog.num_nulls(${values.join(', ')}) = 0`)
    return [
      {
        sql: `(select (${equal} and (${i.predicate ?? 'true'}) is not false) is not true from (select ${given.join(', ')}) as ${id(table.name)})`,
        reason: sameValue(i),
        lenient: true,
      },
    ]
  })
}
