import type { Column } from '../catalog/column.ts'
import type { Oid } from '../catalog/fragments.ts'
import { shown, type Model } from './model.ts'

/** Indexes of a host table that could not come back as they are. */
export function indexReasons(model: Model, oid: Oid, columns: readonly Column[]): string[] {
  const table = shown(model.name(oid))
  return model.snapshot.indexes.flatMap((i) => {
    if (i.indrelid !== oid) return []
    const reasons: string[] = []
    const name = `index ${i.relname} of ${table}`
    if (i.whole_row) reasons.push(`${name} is over the whole row`)
    if (!i.table_columns.some((n) => model.isRemoved(oid, n))) return reasons
    if (i.indisprimary && model.relation(oid).relreplident === 'd' && model.relation(oid).publications.length > 0)
      reasons.push(`primary key ${i.relname} of ${table}, its replica identity, holds a removed column`)
    if (i.indisreplident) reasons.push(`${name} is its replica identity`)
    if (!i.indisvalid) reasons.push(`${name} is not valid: drop or rebuild it first`)
    if (i.tablespace !== null && (i.indisexclusion || i.partitioned || model.rootOf(oid) !== null))
      reasons.push(`${name} is in tablespace ${i.tablespace}`)
    const defaults = i.indkey.slice(0, i.indnkeyatts).map((n) => columns.find((c) => c.attnum === n))
    const nullsEqual = i.def.includes(') NULLS NOT DISTINCT')
    const sameForAll = (c: Column | undefined) =>
      c?.attgenerated === '' && c.attidentity === '' && c.default_constant && (c.default !== null || nullsEqual)
    if (i.indisunique && !i.partial && defaults.every(sameForAll))
      reasons.push(`rows inserted meanwhile could not satisfy unique index ${i.relname}: they all get the same default`)
    return reasons
  })
}
