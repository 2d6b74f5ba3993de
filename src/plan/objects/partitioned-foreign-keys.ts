import { isForReferencedPartition, type Constraint } from '../../catalog/constraint.ts'
import { replayable } from '../../catalog/replay.ts'
import { hiddenName } from '../../names.ts'
import { dollarQuote, id, literal, qualified } from '../../sql.ts'
import { FOREIGN_KEY, recreatedConstraint } from './constraints.ts'
import { shown, type Model } from '../model.ts'
import { comment, type Recreated } from './objects.ts'
import { boundDefinition } from './referenced-index.ts'

/*
 * A foreign key of a partitioned table is one on each partition as well, and one to a partitioned
 * table is kept once more for each partition referred to. PostgreSQL before 18 knows no NOT VALID
 * for partitioned tables, and would scan under lock. So each partition gets its part, NOT VALID,
 * and has it validated; then the partitioned table's own is added, which finds the parts, reads no
 * row, and makes them parts again: from the lowest partitioned table up.
 */

/** The foreign key that was declared, of which this one is a part; itself where it is none. */
export function rootForeignKey(model: Model, constraint: Constraint): Constraint {
  const parent = model.constraints.get(constraint.conparentid)
  return parent ? rootForeignKey(model, parent) : constraint
}

/** Whether a foreign key that goes with the feature is one of a partitioned table, or a part of such a one. */
export const isPartitionedForeignKey = (model: Model, constraint: Constraint): boolean =>
  constraint.contype === 'f' &&
  model.nodes.has(`pg_constraint:${constraint.oid}:0`) &&
  model.isPartitioned(rootForeignKey(model, constraint).conrelid)

/** A foreign key as it is dropped and created again; null where that is done with the key that it is a part of. */
export function recreatedForeignKey(model: Model, k: Constraint, why: { columnGoes: boolean }): Recreated | null {
  if (isForReferencedPartition(k)) return null
  const names = partNames(model, k)
  if (model.isPartitioned(k.conrelid)) return attachedForeignKey(model, k, names)
  const object = recreatedConstraint(model, k, why)
  // it goes with the partitioned table's
  if (k.parent !== null) return { ...object, drop: [] }
  return { ...object, create: [...object.create, ...names] }
}

function attachedForeignKey(model: Model, k: Constraint, names: readonly string[]): Recreated {
  const table = qualified(model.name(k.conrelid))
  const name = id(k.conname)
  const root = rootForeignKey(model, k)
  const tables = model.snapshot.constraints
    .filter((part) => part.contype === 'f' && rootForeignKey(model, part) === root)
    .flatMap((part) => [part.conrelid, part.confrelid])
  const statements = [
    `alter table ${table} add constraint ${name} ${replayable(boundDefinition(model, k) ?? k.def)}`,
    ...comment(`constraint ${name} on ${table}`, k.description),
    ...names,
  ]
  return {
    key: `pg_constraint:${k.oid}:0`,
    kind: FOREIGN_KEY,
    identity: `${name} on ${table}`,
    drop: k.parent === null ? [`alter table ${table} drop constraint ${name}`] : [],
    create: [],
    validate: null,
    attach: {
      sql: statements.length === 1 ? (statements[0] ?? '') : `do ${dollarQuote(block(statements), 'attach')}`,
      tables: [...new Set(tables)].map((oid) => shown(model.name(oid))),
      depth: depth(model, k),
    },
  }
}

const block = (statements: readonly string[]) => ['begin', ...statements.map((sql) => `  ${sql};`), 'end'].join('\n')

const depth = (model: Model, k: Constraint): number => {
  const parent = model.constraints.get(k.conparentid)
  return parent ? depth(model, parent) + 1 : 0
}

/**
 * PostgreSQL chooses the names of what it keeps for each partition referred to, and error
 * messages show them. Swapped names are why all that differ are given passing names first.
 */
function partNames(model: Model, k: Constraint): string[] {
  const parts = model.snapshot.constraints.filter(
    (part) => isForReferencedPartition(part) && rootForeignKey(model, part) === k,
  )
  if (parts.length === 0) return []
  const table = qualified(model.name(k.conrelid))
  // a partition may have gone when the key comes back
  const wanted = parts
    .map(
      (part) => `(pg_catalog.to_regclass(${literal(qualified(model.name(part.confrelid)))}), ${literal(part.conname)})`,
    )
    .join(', ')
  return [`do ${dollarQuote(renames(table, k.conname, wanted), 'names')}`]
}

function renames(table: string, name: string, wanted: string): string {
  const own = `${literal(table)}::pg_catalog.regclass`
  return `
declare
  present text[];
  final text[];
begin
  with recursive part(oid) as (
    select k.oid from pg_catalog.pg_constraint k
    where k.contype = 'f' and k.conrelid = ${own} and k.conname = ${literal(name)}
    union all
    select k.oid from part join pg_catalog.pg_constraint k on k.conparentid = part.oid and k.conrelid = ${own}
  )
  select pg_catalog.array_agg(k.conname::text), pg_catalog.array_agg(w.name) into present, final
  from part join pg_catalog.pg_constraint k on k.oid = part.oid
  join (values ${wanted}) w(confrelid, name) on w.confrelid = k.confrelid
  where k.conname <> w.name;
  for n in 1 .. coalesce(pg_catalog.cardinality(present), 0) loop
    execute pg_catalog.format('alter table only %s rename constraint %I to %I', ${literal(table)}, present[n], ${literal(hiddenName(''))} || n);
  end loop;
  for n in 1 .. coalesce(pg_catalog.cardinality(present), 0) loop
    execute pg_catalog.format('alter table only %s rename constraint %I to %I', ${literal(table)}, ${literal(hiddenName(''))} || n, final[n]);
  end loop;
end`
}
