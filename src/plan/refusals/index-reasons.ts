import type { Column } from '../../catalog/column.ts'
import type { Oid } from '../../catalog/fragments.ts'
import type { Index } from '../../catalog/index.ts'
import { defaultOf } from '../objects/defaults.ts'
import { shown, type Model } from '../model.ts'
import { overGenerated } from '../parts.ts'
import { isReferredTo } from '../objects/referenced-index.ts'

const nameOf = (model: Model, i: Index) => `index ${i.relname} of ${shown(model.name(i.indrelid))}`

/** A column that rows are given the same in, if nothing else is said. */
export const isSameForAll = (c: Column | undefined): c is Column =>
  c?.attgenerated === '' && c.attidentity === '' && c.default_constant

export const nullsEqual = ({ def }: Index): boolean => def.includes(') NULLS NOT DISTINCT')

export const sameValue = ({ relname, excludes }: Index): string =>
  `rows inserted meanwhile could not satisfy ${excludes === null ? 'unique index' : 'exclusion constraint'} ${relname}: they all get the same default`

/** Indexes of a host table that could not come back as they are because of the columns that go. */
export function indexReasons(model: Model, oid: Oid, columns: readonly Column[]): string[] {
  return model.snapshot.indexes.flatMap((i) => {
    if (i.indrelid !== oid) return []
    const reasons: string[] = []
    if (i.whole_row) reasons.push(`${nameOf(model, i)} is over the whole row`)
    if (!i.table_columns.some((n) => model.isRemoved(oid, n))) return reasons
    const defaults = i.indkey.slice(0, i.indnkeyatts).map((n) => columns.find((c) => c.attnum === n))
    const hasValue = (c: Column | undefined) => isSameForAll(c) && (defaultOf(c) !== null || nullsEqual(i))
    if (i.indisunique && !i.partial && defaults.every(hasValue)) reasons.push(sameValue(i))
    return reasons
  })
}

/** DROP INDEX would wait for whoever builds it, and everybody who uses the table behind that. */
function invalid({ built_by, partitioned }: Index): string {
  if (built_by !== null)
    return `is not valid, while pid ${String(built_by)} builds an index of its table: wait for that`
  if (partitioned) return 'is not valid: attach what it lacks, or drop it, first'
  return 'is not valid: if nobody is building it, rebuild it or drop it (DROP INDEX CONCURRENTLY) first'
}

/** Indexes that go without their table, be they declared or over columns that go, and could not be made again as they are. */
export function goingIndexReasons(model: Model): string[] {
  const goes = (i: Index) => model.nodes.has(`pg_class:${i.indexrelid}:0`) && !model.moved.has(i.indrelid)
  return model.snapshot.indexes.filter(goes).flatMap((i) => {
    const reasons: string[] = []
    const oid = i.indrelid
    const name = nameOf(model, i)
    const identifies = i.indisprimary && model.relation(oid).relreplident === 'd'
    if (identifies && model.relation(oid).publications.length > 0)
      reasons.push(
        `primary key ${i.relname} of ${shown(model.name(oid))}, its replica identity, ${
          i.table_columns.some((n) => model.isRemoved(oid, n)) ? 'holds a removed column' : 'is removed'
        }`,
      )
    if (i.indisreplident) reasons.push(`${name} is its replica identity`)
    if (i.partitioned && i.conoid === null && isReferredTo(model, i) && overGenerated(model, i))
      reasons.push(`${name}, over a generated column, is built after the foreign key that refers to it`)
    if (!i.indisvalid) reasons.push(`${name} ${invalid(i)}`)
    if (i.tablespace !== null && (i.indisexclusion || i.partitioned || model.rootOf(oid) !== null))
      reasons.push(`${name} is in tablespace ${i.tablespace}`)
    return reasons
  })
}
