import type { AnyKysely } from '../any-kysely.ts'
import { oidArray } from '../catalog/fragments.ts'
import { othersFunctionsQuery, type OthersFunction } from '../catalog/others-functions.ts'
import { readJson } from '../catalog/read.ts'
import { NOTHING_CHANGED, UnshipError } from '../errors.ts'
import type { RecordedPlan } from '../ledger/recorded.ts'
import type { Model } from '../plan/model.ts'
import { id, literal, qualified } from '../sql.ts'

/*
 * The owner of a table may have PostgreSQL call functions for each row that is read or written, with the rights of the role that does
 * so. What is asked of rows, and what fills them, would call them with a superuser's. It is no help to take the owner's role for
 * that: a function may RESET ROLE. Hence the refusal.
 */

/** Refuses a removal in which a superuser would run functions of other roles, before any is run. */
export async function refuseOthersFunctions(db: AnyKysely, model: Model): Promise<void> {
  const checked = model.snapshot.constraints.filter(
    (k) => k.contype === 'c' && model.nodes.has(`pg_constraint:${k.oid}:0`),
  )
  const tables = [...model.gone.keys(), ...model.moved, ...checked.map((k) => k.conrelid)]
  const found = await readJson<OthersFunction>(
    db,
    othersFunctionsQuery(`select pg_catalog.unnest(${oidArray([...new Set(tables)])})`),
  )
  refuse(found, [
    'Connect as the role that owns these tables. (SET ROLE does not do: a function may take it back.) Or else:',
    NOTHING_CHANGED,
  ])
}

/** The same for a restore, with what its tables have come to call meanwhile. Its ledger may be readable to the superuser alone. */
export async function refuseOthersFunctionsNow(db: AnyKysely, plan: RecordedPlan, state: string): Promise<void> {
  const tables = [...plan.hosts.map((h) => h.table), ...plan.moved.flatMap((m) => [m.table, m.backup])]
  if (tables.length === 0) return
  const names = tables.map((t) => literal(qualified(t))).join(', ')
  const found = await readJson<OthersFunction>(
    db,
    othersFunctionsQuery(`select distinct t.oid from pg_catalog.unnest(array[${names}]) n(name)
      cross join lateral (
        select pg_catalog.to_regclass(n.name)::pg_catalog.oid
        union all select p.relid from pg_catalog.pg_partition_tree(pg_catalog.to_regclass(n.name)) p) t(oid)`),
  )
  refuse(found, ['', state])
}

function refuse(found: readonly OthersFunction[], [before, after]: readonly [string, string]): void {
  const [first] = found
  if (!first) return
  throw new UnshipError({
    code: 'not_owner',
    message: `role ${first.me} is a superuser, with whose rights functions of other roles would run`,
    detail: found
      .map((f) => `function ${f.identity}, which belongs to ${f.owner}, is called by ${f.callers.join(', ')}.`)
      .join('\n'),
    hint: [
      ...(before === '' ? [] : [before]),
      'Look at what these functions do, and give them to a superuser:',
      ...found.map((f) => `alter routine ${f.identity} owner to ${id(f.me)};`),
      after,
    ].join('\n'),
  })
}
