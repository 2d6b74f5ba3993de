import type { RecordedPlan } from '../../../ledger/recorded.ts'
import { keysThatRefer, referTo, type KeyThatRefers } from '../../../plan/data/referring-keys.ts'
import { onlyIn, orphaned, treeOf } from '../../../plan/data/set-aside.ts'
import { shown } from '../../../plan/model.ts'
import type { MovedPlan } from '../../../plan/plan.ts'
import { id, qualified } from '../../../sql.ts'
import type { RunContext } from '../../context.ts'
import { looking } from '../../observe.ts'
import { row, rows } from '../../query.ts'
import { orphansOf, same } from '../orphans-of.ts'
import { referredTo } from '../set-aside-live.ts'

/**
 * Refuses where rows of a backup are to be set aside, because their parent has gone, and somebody has made tables since that refer to
 * them: their rows would go along, or lose the reference.
 */
export async function refuseReferredTo(context: RunContext, plan: RecordedPlan): Promise<void> {
  const found = new Set<string>()
  const tables: readonly MovedPlan[] = [...plan.moved, ...plan.hosts]
  for (const table of tables) {
    const { backup, partitioned = false } = table
    const keys = await rows<KeyThatRefers>(context.db, keysThatRefer(treeOf(backup, partitioned)))
    if (keys.length === 0) continue
    const without = await rowsWithoutPlace(context, plan, table)
    if (without === null) continue
    for (const key of keys) {
      const what = `rows of ${key.child} are looked through for such as refer to rows of ${shown(backup)} that have no place`
      const sql = `${without.parents}select ${referTo(key, without.rows)} as refer`
      const { refer } = await looking(context, what, () => row<{ refer: boolean }>(context.db, sql))
      if (refer)
        found.add(`foreign key ${key.name} of ${key.child} refers to rows of ${shown(backup)} that have no place.`)
    }
  }
  if (found.size > 0) throw referredTo(context, { detail: [...found], begun: false })
}

/** What is left of backups when rows without a place have gone from them. */
interface Left {
  /** Tables of a WITH, each of which may read those before it. */
  readonly tables: string[]
  /** Their names, by backup; null where all of it is left. */
  readonly names: Map<string, string | null>
}

/** SQL for the rows of a backup that are to be set aside, those of other backups considered; null where it has no key to lack a parent. */
async function rowsWithoutPlace(
  context: RunContext,
  plan: RecordedPlan,
  table: MovedPlan,
): Promise<{ readonly parents: string; readonly rows: string } | null> {
  // rows of a circle that go because of others of it are left to the statement that sets aside
  const left: Left = { tables: [], names: new Map([[qualified(table.backup), null]]) }
  const going = await isWithoutPlace(context, plan, table, left)
  if (going === null) return null
  return {
    parents: left.tables.length > 0 ? `with ${left.tables.join(', ')} ` : '',
    rows: `(select t.* from ${from(table)} where ${going})`,
  }
}

/** A condition on rows `t` of a backup. */
async function isWithoutPlace(
  context: RunContext,
  plan: RecordedPlan,
  table: MovedPlan,
  left: Left,
): Promise<string | null> {
  const conditions: string[] = []
  for (const key of table.foreignKeys.filter((k) => k.validated && k.referencedGenerated !== true)) {
    const orphans = await orphansOf(context.db, table, key, { ...plan, revealed: false })
    const parent = plan.moved.find((m) => same(m.table, key.referenced))
    const parents = (parent && (await leftOf(context, plan, parent, left))) ?? orphans.parents
    conditions.push(`(${orphaned({ ...orphans, parents })})`)
  }
  return conditions.length > 0 ? conditions.join(' or ') : null
}

/** Its name; null where all of it is left. */
async function leftOf(context: RunContext, plan: RecordedPlan, table: MovedPlan, left: Left): Promise<string | null> {
  const of = qualified(table.backup)
  const known = left.names.get(of)
  if (known !== undefined) return known
  left.names.set(of, null)
  const going = await isWithoutPlace(context, plan, table, left)
  if (going === null) return null
  const name = id(`unship_left_${String(left.tables.length)}`)
  left.tables.push(`${name} as (select t.* from ${from(table)} where not (${going}))`)
  left.names.set(of, name)
  return name
}

const from = ({ backup, partitioned = false }: MovedPlan) => `${onlyIn({ partitioned })}${qualified(backup)} t`
