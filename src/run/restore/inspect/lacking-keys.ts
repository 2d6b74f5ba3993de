import type { AnyKysely } from '../../../any-kysely.ts'
import { readJson } from '../../../catalog/read.ts'
import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { shown } from '../../../plan/model.ts'
import { literal, qualified, type QualifiedName } from '../../../sql.ts'

interface Lack {
  readonly n: number
  readonly partition: QualifiedName
  readonly by: string
}

/** Reasons against restoring unique keys of partitioned tables: partitions that are partitioned themselves by what these lack. */
export async function lackingKeys(
  db: AnyKysely,
  { returningKeys = [] }: Pick<RecordedPlan, 'returningKeys'>,
): Promise<string[]> {
  if (returningKeys.length === 0) return []
  const keys = returningKeys.map(
    ({ table, columns }, n) =>
      `(${String(n)}, ${literal(qualified(table))}, array[${columns.map(literal).join(', ')}]::text[])`,
  )
  const lacks = await readJson<Lack>(
    db,
    `select w.n, pg_catalog.json_build_object('schema', s.nspname, 'name', c.relname) as partition,
       pg_catalog.pg_get_partkeydef(c.oid) as by
     from (values ${keys.join(', ')}) w(n, name, columns)
     cross join lateral pg_catalog.pg_partition_tree(pg_catalog.to_regclass(w.name)) t
     join pg_catalog.pg_partitioned_table p on p.partrelid = t.relid
     join pg_catalog.pg_class c on c.oid = t.relid join pg_catalog.pg_namespace s on s.oid = c.relnamespace
     where exists (
       select from pg_catalog.unnest(p.partattrs::pg_catalog.int2[]) k(attnum) where not exists (
         select from pg_catalog.pg_attribute a
         where a.attrelid = t.relid and a.attnum = k.attnum and a.attname::text = any (w.columns)))
     order by w.n, t.level, s.nspname, c.relname`,
  )
  return lacks.flatMap(({ n, partition, by }) => {
    const key = returningKeys[n]
    if (!key) return []
    const { table, name, columns } = key
    return `unique key ${name} of ${shown(table)} (${columns.join(', ')}) comes back, and ${shown(partition)} is partitioned by what it lacks: ${by}`
  })
}
