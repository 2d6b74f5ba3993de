import type { AnyKysely } from '../../any-kysely.ts'
import { readJson } from '../../catalog/read.ts'
import type { HostPlan, MovedForeignKey } from '../../plan/plan.ts'
import type { Comparison } from '../../plan/data/set-aside.ts'
import { literal, qualified, type QualifiedName } from '../../sql.ts'
import { baseOf, type ColumnOf } from './inspect/compared.ts'

/**
 * How PostgreSQL compares the columns of a foreign key when it validates it, as these are now: by the collation of the column that is
 * referred to, and, where no operator takes both types, as that column's type, which is not always what `=` would choose.
 */
export async function comparisonsOf(
  db: AnyKysely,
  { columns, referencedColumns }: MovedForeignKey,
  child: (column: string) => ColumnOf,
  parent: (column: string) => ColumnOf,
): Promise<Comparison[]> {
  const asked = columns.map((name, n) => {
    const [own, referenced] = [child(name), parent(referencedColumns[n] ?? '')]
    return {
      ...{ child: qualified(own.table), child_column: own.column },
      ...{ parent: qualified(referenced.table), parent_column: referenced.column },
    }
  })
  const found = await readJson<Comparison & { n: number }>(
    db,
    `select k.ordinality::int - 1 as n,
       (select pg_catalog.format('%I.%I', s.nspname, o.collname) from pg_catalog.pg_collation o
         join pg_catalog.pg_namespace s on s.oid = o.collnamespace
         where o.oid = p.attcollation and p.attcollation <> c.attcollation) as collation,
       (select pg_catalog.format_type(x.type, -1) from pg_catalog.pg_opclass f
         where f.opcmethod = (select m.oid from pg_catalog.pg_am m where m.amname = 'btree') and f.opcdefault and f.opcintype = x.type
           and x.type <> y.type and not exists (
             select from pg_catalog.pg_amop o where o.amopfamily = f.opcfamily and o.amopstrategy = 3 /* equal */
               and (o.amoplefttype, o.amoprighttype) = (x.type, y.type))) as type
     from rows from (pg_catalog.json_to_recordset(${literal(JSON.stringify(asked))}) as (child text, child_column text, parent text, parent_column text)) with ordinality k
     join pg_catalog.pg_attribute c on c.attrelid = pg_catalog.to_regclass(k.child) and c.attname = k.child_column
     join pg_catalog.pg_attribute p on p.attrelid = pg_catalog.to_regclass(k.parent) and p.attname = k.parent_column
     cross join lateral (${baseOf('p.atttypid')}) x(type) cross join lateral (${baseOf('c.atttypid')}) y(type)`,
  )
  return columns.map((_, n) => found.find((f) => f.n === n) ?? { collation: null, type: null })
}

/** Where columns of a host table are read before the reveal: those that went are in its backup. */
export const beforeReveal =
  (host: HostPlan | undefined, table: QualifiedName) =>
  (column: string): ColumnOf => ({
    table: host?.columns.some((c) => c.name === column) ? host.backup : table,
    column,
  })
