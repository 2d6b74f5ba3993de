import type { LedgerStatement } from '../../ledger/recorded.ts'
import type { MovedForeignKey, MovedPlan } from '../../plan/plan.ts'
import { areReferredTo } from '../../plan/data/referring-keys.ts'
import { treeOf } from '../../plan/data/set-aside.ts'
import { literal, qualified } from '../../sql.ts'
import { row } from '../query.ts'
import { setAsideRevealed, type Restoring } from './steps.ts'

/**
 * Sets aside rows that others may refer to before any foreign key is validated: a key that holds for every row would be broken by
 * it. Rows that nothing can refer to are set aside when the validation of their key finds them.
 */
export async function setAsideReferredTo(restoring: Restoring, validations: readonly LedgerStatement[]): Promise<void> {
  const keys = validations.filter((s) => s.action === 'validate foreign key')
  if (keys.length === 0 || keys.some((s) => s.done)) return
  const referredTo: MovedPlan[] = []
  for (const table of restoring.plan.moved) {
    const foreignKeys = await waiting(restoring, table)
    if (foreignKeys.length > 0 && (await isToBeRead(restoring, table))) referredTo.push({ ...table, foreignKeys })
  }
  await setAsideRevealed(restoring, referredTo)
}

/**
 * The table's keys that are there and not validated yet, whose parents the owner sees all: whoever drops or gives away a part of it
 * since the reveal may.
 */
async function waiting({ context }: Restoring, { table, foreignKeys }: MovedPlan): Promise<MovedForeignKey[]> {
  const found: MovedForeignKey[] = []
  const child = `pg_catalog.to_regclass(${literal(qualified(table))})`
  for (const key of foreignKeys.filter((k) => k.validated)) {
    const parent = `pg_catalog.to_regclass(${literal(qualified(key.referenced))})`
    const { is } = await row<{ is: boolean }>(
      context.db,
      `select exists (select from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = ${child}
         where k.contype = 'f' and not k.convalidated and k.confrelid = ${parent}
           and (k.conrelid = ${child} or k.conrelid in (select t.relid from pg_catalog.pg_partition_tree(${child}) t))
           and pg_catalog.pg_has_role(c.relowner, 'USAGE') and pg_catalog.has_table_privilege(${parent}, 'SELECT')
           and not pg_catalog.row_security_active(${parent})) as is`,
    )
    if (is) found.push(key)
  }
  return found
}

/** Where row level security binds the owner its rows are read under lock: not once more, if they were before the reveal. */
async function isToBeRead({ context }: Restoring, { table, partitioned, published }: MovedPlan): Promise<boolean> {
  const tree = treeOf(table, partitioned ?? false)
  const { is } = await row<{ is: boolean }>(
    context.db,
    `select ${areReferredTo(tree)} and (${String(published === true)} or not c.relforcerowsecurity) as is
     from pg_catalog.pg_class c where c.oid = ${literal(qualified(table))}::pg_catalog.regclass`,
  )
  return is
}
